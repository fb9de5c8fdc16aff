"""A trained network in ONNX Runtime: read, checked, asked. It is refused before it decides anything, or served.

A file is refused where it cannot be read, takes or gives other tables than the encoder's, was made for another version of
the encoder, answers with anything but numbers, or is not what its card's digest says. It needs the extra `policy`.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as runtime
from numpy.typing import NDArray

from conductor.policy import encoder
from conductor.policy.encoder import VERSION, Encoded
from conductor.policy.errors import PolicyError
from conductor.policy.observation import Floats

SHIPPED = Path(__file__).parent / "model" / "quest.onnx"
SIZE_MAX_BYTES = 8 << 20
"""A policy is small; anything larger is not one, and must not be loaded to find out."""
INPUTS = ("globals", "nodes", "pools", "actions", "adjacency", "node", "pool")


class Network:
    """One network. `name` is its file's stem and the first digits of its digest: what decisions are logged with.

    Raises:
        PolicyError: it is refused, see the module.
    """

    def __init__(self, path: Path, digest: str | None = None) -> None:
        data = _read(path)
        self.digest = hashlib.sha256(data).hexdigest()
        if digest is not None and digest != self.digest:
            raise PolicyError("digest", f"{path} has the digest {self.digest[:16]}…, its card says {digest[:16]}…")
        self.name = f"{path.stem}/{self.digest[:8]}"
        self.path = path
        self._session = _session(path, data)
        # A network without messages has no use for the graph, and its file then has no such input.
        taken = {one.name for one in self._session.get_inputs()}
        self._takes = [(at, name) for at, name in enumerate(INPUTS) if name in taken]
        if len(self._takes) != len(taken):
            strange = ", ".join(sorted(taken - set(INPUTS)))
            raise PolicyError("shape", f"{path} takes {strange}, which the encoder does not give")
        about = self._session.get_modelmeta().custom_metadata_map
        self._check_version(about)
        novelty = _novelty(path, about)
        self._mean, self._spread, self.novelty_bound = novelty
        self._probe()

    def scores(self, tables: Encoded) -> tuple[Floats, float]:
        """Of each action a score (higher is better; softmax makes them a distribution), and of the state its value."""
        scores, value = self._session.run(None, {name: tables[at] for at, name in self._takes})
        return scores, float(value.item())

    def novelty(self, tables: Encoded) -> float:
        """How far a state is from those of the training: the root mean square of the whole's inputs in standard deviations,
        where `novelty_bound` is the bound."""
        return float(np.sqrt((((tables.globals - self._mean) / self._spread) ** 2).mean()))

    def _check_version(self, about: dict[str, str]) -> None:
        made_for = about.get("encoder")
        if made_for != str(VERSION):
            told = f"{self.path} was made for version {made_for} of the encoder, this is version {VERSION}"
            raise PolicyError("version", f"{told}: train it again")

    def _probe(self) -> None:
        """Ask it of a state that is none: shapes and numbers must be right."""
        probe = encoder.Encoded(
            np.zeros(encoder.GLOBAL_WIDTH, np.float32),
            np.zeros((3, encoder.NODE_WIDTH), np.float32),
            np.zeros((2, encoder.POOL_WIDTH), np.float32),
            np.full((4, encoder.ACTION_WIDTH), 0.5, np.float32),
            np.zeros((3, 3), np.float32),
            np.array([0, 1, 2, 2], np.int64),
            np.array([0, 0, 1, 1], np.int64),
        )
        try:
            scores, value = self.scores(probe)
        except Exception as error:  # the runtime's errors share no base class
            raise PolicyError("shape", f"{self.path} does not take what the encoder gives: {_line(error)}") from None
        if scores.shape != (4,):
            raise PolicyError("shape", f"{self.path} gives scores of shape {scores.shape} for 4 actions")
        if not (np.isfinite(scores).all() and np.isfinite(value)):
            raise PolicyError("numbers", f"{self.path} answers with what is no number")


def shipped() -> Network:
    """The network of this package, held against its card.

    Raises:
        PolicyError: it is not there, or refused.
    """
    card = SHIPPED.with_suffix(".json")
    try:
        digest = str(json.loads(card.read_text("utf-8"))["digest"])
    except (OSError, ValueError, KeyError):
        raise PolicyError("missing", f"{card} is not there or names no digest: install the package again") from None
    return Network(SHIPPED, digest)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > SIZE_MAX_BYTES:
            raise PolicyError("unreadable", f"{path} has {size} bytes, a policy at most {SIZE_MAX_BYTES}")
        return path.read_bytes()
    except OSError as error:
        raise PolicyError("missing", f"{path}: {error.strerror}") from None


def _session(path: Path, data: bytes) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1  # a decision is smaller than what waking a thread costs
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's errors share no base class
        raise PolicyError("unreadable", f"{path} is no ONNX file that can be run: {_line(error)}") from None


def _novelty(path: Path, about: dict[str, str]) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    try:
        value = json.loads(about["novelty"])
        mean, spread = (np.array(value[key], np.float32) for key in ("mean", "spread"))
        bound = float(value["bound"][0])
    except (KeyError, ValueError, TypeError, IndexError):
        raise PolicyError("unreadable", f"{path} does not say what it was trained on") from None
    if mean.shape != (encoder.GLOBAL_WIDTH,) or spread.shape != mean.shape or not (spread > 0).all():
        raise PolicyError("shape", f"{path}: what it was trained on has another shape than the encoder's")
    return mean, spread, bound


def _line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
