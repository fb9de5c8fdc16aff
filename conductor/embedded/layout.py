"""The data folder: what lies where, the lock that one system holds on it, and the state file by which it is found."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from conductor.embedded.errors import EmbeddedError


class ServiceState(msgspec.Struct, kw_only=True):
    """A process of the system as its supervisor knows it. `ready_ms`: from exec to its first answer on `$SRV.PING`."""

    name: str
    kind: str
    pid: int = 0
    ready_ms: float | None = None
    restarts: int = 0


class State(msgspec.Struct, kw_only=True):
    """What `up` leaves for the other verbs: addresses, never secrets."""

    url: str
    pid: int
    version: str
    partitions: int = 1
    conductors: int = 1
    tenant: str = "default"
    started_at_ms: int = 0
    durability: str = "always"
    services: list[ServiceState] = []


class Layout:
    """The paths of a data folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.state = self.root / "state.json"
        self.keys = self.root / "keys"
        self.creds = self.root / "creds"
        self.logs = self.root / "logs"
        self.config = self.root / "config"
        self.broker = self.root / "broker"
        self.pit = self.root / "pit"
        self.arbitration = self.root / "arbitration.toml"
        self._lock: int | None = None

    def prepare(self) -> None:
        """Make the folders, those with keys for the owner alone.

        Raises:
            EmbeddedError: kind `wrong`: the folder cannot be written.
        """
        try:
            for folder in (self.root, self.logs, self.config, self.broker, self.pit):
                folder.mkdir(parents=True, exist_ok=True)
            for folder in (self.keys, self.creds):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            text = f"the data folder {self.root} cannot be written ({error.strerror}): choose another with --data"
            raise EmbeddedError("wrong", text) from None

    def lock(self) -> None:
        """Be the only system on this folder, until the process ends.

        Raises:
            EmbeddedError: kind `wrong`: another one has it.
        """
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            state = self.read_state()
            who = f" by process {state.pid}" if state else ""
            text = f"the data folder {self.root} is in use{who}: `symphony down` stops it, --data chooses another"
            raise EmbeddedError("wrong", text) from None
        self._lock = descriptor

    def unlock(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def locked(self) -> bool:
        """Whether some process holds the folder now."""
        try:
            descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def read_state(self) -> State | None:
        """The state file, where there is one that can be read."""
        try:
            return msgspec.json.decode(self.state.read_bytes(), type=State)
        except (OSError, msgspec.DecodeError):
            return None

    def write_state(self, state: State) -> None:
        """Replace the state file in one step: readers see the old one or the new one."""
        write_whole(self.state, msgspec.json.format(msgspec.json.encode(state), indent=2), 0o600)

    def forget_state(self) -> None:
        self.state.unlink(missing_ok=True)

    def cred(self, user: str) -> Path:
        """The credentials file of a user."""
        return self.creds / f"{user}.creds"


def write_whole(path: Path, data: bytes, mode: int) -> None:
    """Write a file by renaming, so that nobody reads half of it."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    part.replace(path)


def toml(value: Any) -> str:
    """A value in TOML, whose strings, numbers, booleans and arrays of them are those of JSON."""
    return msgspec.json.encode(value).decode()
