"""A network with all that made it: knobs, data, code, success."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import msgspec
import torch

from conductor import __version__
from conductor.policy.encoder import VERSION
from quest.train.knobs import Knobs
from quest.train.network import Network, parameters


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a network comes from."""

    knobs: Knobs
    data: str
    """Digest over the files of samples."""
    code: str
    """Commit, with `+` where files were changed."""
    version: str
    encoder: int
    parameters: int
    success: dict[int, float]
    worth_lost: float


def data_digest(folder: Path) -> str:
    """Of all samples below a folder, by name."""
    found = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.glob("round*/*.bin")):
        found.update(path.relative_to(folder).as_posix().encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def code_version() -> str:
    """The commit of the tree that this file lies in; `unknown` outside one."""
    here = Path(__file__).parent
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=12"]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


class Checkpoint:
    """A file with a network's numbers, and beside it a JSON file that says where they come from."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.success: dict[int, float] = {}

    @property
    def origin_path(self) -> Path:
        return self.path.with_suffix(".json")

    def save(self, network: Network, knobs: Knobs, success: dict[int, float], lost: float, folder: Path) -> None:
        """Numbers first, so that a JSON file never names what is not there."""
        origin = Origin(
            knobs=knobs,
            data=data_digest(folder),
            code=code_version(),
            version=__version__,
            encoder=VERSION,
            parameters=parameters(network),
            success=success,
            worth_lost=lost,
        )
        torch.save(network.state_dict(), self.path)
        self.origin_path.write_bytes(msgspec.json.format(msgspec.json.encode(origin), indent=1))

    def origin(self) -> Origin:
        return msgspec.json.decode(self.origin_path.read_bytes(), type=Origin)

    def restore(self, network: Network) -> bool:
        """Whether there was one, made for this encoder."""
        if not self.origin_path.exists():
            return False
        origin = self.origin()
        if origin.encoder != VERSION:
            return False
        network.load_state_dict(torch.load(self.path, weights_only=True))
        network.eval()
        self.success = origin.success
        return True
