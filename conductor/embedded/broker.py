"""The embedded broker's configuration: JetStream that is on disk before it acknowledges, on loopback, with accounts."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from conductor.embedded.errors import EmbeddedError
from conductor.embedded.keys import Authority
from conductor.embedded.layout import toml, write_whole
from conductor.wire import bounds

HEADER_BYTES_MAX = 4096
"""Room for headers beside a message of the largest size."""


def free_port(wanted: int | None) -> int:
    """A port of loopback that nobody has: the wanted one, or any.

    Raises:
        EmbeddedError: kind `wrong`: the wanted one is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted or 0))
        except OSError as error:
            text = f"port {wanted} of 127.0.0.1 cannot be used ({error.strerror}): choose another with --port"
            raise EmbeddedError("wrong", text) from None
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Peer:
    """One of several brokers: its place among them, the ports of their routes, and what they know each other by."""

    number: int
    routes: tuple[int, ...]
    secret: str

    def section(self) -> str:
        """How it finds the others. Whoever connects as one of them has to know the secret."""
        known = f"symphony:{self.secret}@127.0.0.1"
        others = [f'"nats-route://{known}:{port}"' for at, port in enumerate(self.routes) if at != self.number]
        return f"""cluster {{
  name: symphony
  listen: "127.0.0.1:{self.routes[self.number]}"
  authorization {{ user: symphony, password: {toml(self.secret)} }}
  routes: [{", ".join(others)}]
}}
"""


def write_config(
    path: Path, data: Path, port: int, authority: Authority, durable: bool = True, peer: Peer | None = None
) -> None:
    """Write `nats.conf`. `durable` false trades safety against power loss for speed: benchmarks compare the two."""
    accounts = "\n".join(f"  {public}: {toml(token)}" for public, token in authority.account_jwts().items())
    text = f"""# Made by `symphony up`; changes are lost.
server_name: symphony{"" if peer is None else f"-{peer.number}"}
listen: "127.0.0.1:{port}"
max_payload: {bounds.MESSAGE_BYTES_MAX + HEADER_BYTES_MAX}
max_pending: 268435456
write_deadline: "10s"
jetstream {{
  store_dir: {toml(str(data))}
  sync_interval: {"always" if durable else '"2m"'}
  max_file_store: 68719476736
}}
operator: {toml(authority.operator_jwt())}
system_account: {authority.system}
resolver: MEMORY
resolver_preload {{
{accounts}
}}
{"" if peer is None else peer.section()}"""
    write_whole(path, text.encode(), 0o600)
