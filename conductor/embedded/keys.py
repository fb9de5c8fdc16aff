"""Identities: an operator, an account with a signing key, and a user for each process, as JWTs that the broker verifies.

Source: https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt and the claims of
https://github.com/nats-io/jwt (version 2). A new user needs no reload of the broker: the signing key vouches for it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import time
from pathlib import Path
from typing import Any

import jwt
import msgspec
import nkeys
from jwt.algorithms import Algorithm

from conductor.embedded.layout import write_whole
from conductor.embedded.roles import Permissions

PREFIXES = {
    "operator": nkeys.PREFIX_BYTE_OPERATOR,
    "account": nkeys.PREFIX_BYTE_ACCOUNT,
    "user": nkeys.PREFIX_BYTE_USER,
}
ANSWER_TTL_NS = 120_000_000_000
"""How long after a request its answer may come: archives and exports take seconds."""
ANSWERS_MAX = 16
"""Answers to one request: five services of one process all answer `$SRV.INFO`."""
SECRET_BYTES = 32


class _Nkey(Algorithm):
    """`ed25519-nkey`: Ed25519 by the nkeys library, as PyJWT's own algorithms do it with theirs."""

    def prepare_key(self, key: Any) -> Any:
        return key

    def sign(self, msg: bytes, key: Any) -> bytes:
        signed: bytes = key.sign(msg)
        return signed

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        return bool(key.verify(msg, sig))

    @staticmethod
    def to_jwk(key_obj: Any, as_dict: bool = False) -> Any:
        raise NotImplementedError("nkeys have no JWK form")

    @staticmethod
    def from_jwk(jwk: Any) -> Any:
        raise NotImplementedError("nkeys have no JWK form")


_JWT = jwt.PyJWS()
_JWT.register_algorithm("ed25519-nkey", _Nkey())


class Key:
    """A key pair of a kind; its seed lies in a file that only its owner reads."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self.pair = nkeys.from_seed(seed)
        self.public: str = self.pair.public_key.decode()

    @classmethod
    def make(cls, kind: str) -> Key:
        return cls(bytes(nkeys.encode_seed(os.urandom(32), PREFIXES[kind])))

    @classmethod
    def keep(cls, path: Path, kind: str) -> Key:
        """The key of a file; made where it is missing."""
        if path.exists():
            return cls(path.read_bytes().strip())
        key = cls.make(kind)
        write_whole(path, key.seed, 0o600)
        return key


def mesh_secret(path: Path) -> None:
    """Make the secret behind the tokens of dispatches, where it is missing."""
    if not path.exists():
        write_whole(path, secrets.token_bytes(SECRET_BYTES), 0o600)


class Authority:
    """The operator and the account of one data folder. `mint` makes users."""

    def __init__(self, folder: Path) -> None:
        self._operator = Key.keep(folder / "operator.nk", "operator")
        self._system = Key.keep(folder / "system.nk", "account")
        self._account = Key.keep(folder / "account.nk", "account")
        self._signing = Key.keep(folder / "signing.nk", "account")

    @property
    def account(self) -> str:
        return self._account.public

    @property
    def system(self) -> str:
        return self._system.public

    def operator_jwt(self) -> str:
        claims = {"type": "operator", "version": 2, "system_account": self._system.public}
        return _sign("operator", self._operator, self._operator.public, claims)

    def account_jwts(self) -> dict[str, str]:
        """The accounts that the broker preloads, by public key."""
        unlimited = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
        streams = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
        made = {}
        for name, key, limits in (
            ("system", self._system, {}),
            ("symphony", self._account, streams),
        ):
            claims = {
                "type": "account",
                "version": 2,
                "limits": {**unlimited, "wildcards": True, **limits},
                "signing_keys": [self._signing.public] if key is self._account else [],
                "default_permissions": {"pub": {}, "sub": {}},
            }
            made[key.public] = _sign(name, self._operator, key.public, claims)
        return made

    def mint(self, name: str, permissions: Permissions, path: Path) -> None:
        """Write the credentials file of a user, with a key of its own, for its owner's eyes only."""
        user = Key.make("user")
        inbox = f"_INBOX_{name.replace('.', '-')}.>"
        claims: dict[str, Any] = {
            "type": "user",
            "version": 2,
            "issuer_account": self._account.public,
            "pub": {"allow": list(permissions.publish)},
            "sub": {"allow": [inbox, *permissions.subscribe]},
            "subs": -1,
            "data": -1,
            "payload": -1,
        }
        if not permissions.publish:
            claims["pub"] = {"deny": [">"]}
        if permissions.answers:
            claims["resp"] = {"max": ANSWERS_MAX, "ttl": ANSWER_TTL_NS}
        token = _sign(name, self._signing, user.public, claims)
        text = (
            f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n------END USER NKEY SEED------\n"
        )
        write_whole(path, text.encode(), 0o600)


def _sign(name: str, issuer: Key, subject: str, nats: dict[str, Any]) -> str:
    claims = {"iat": int(time.time()), "iss": issuer.public, "name": name, "sub": subject, "nats": nats}
    digest = hashlib.new("sha512_256", msgspec.json.encode(claims)).digest()
    claims["jti"] = base64.b32encode(digest).decode().rstrip("=")
    headers = {"typ": "JWT", "alg": "ed25519-nkey"}
    return _JWT.encode(msgspec.json.encode(claims), issuer.pair, algorithm="ed25519-nkey", headers=headers)
