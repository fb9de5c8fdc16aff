"""A file is served or refused: never served in part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conductor.policy.choosing import chosen
from conductor.policy.encoder import encode
from conductor.policy.errors import PolicyError
from conductor.policy.learned import Learned
from conductor.policy.network import SHIPPED, Network, shipped
from conductor.policy.observation import Observation
from conductor.policy.rules import Rules
from conductor.policy.tasks import Waiting, observe_waiting


def damaged(tmp_path: Path, change: bytes, to: bytes) -> Path:
    """The shipped file with some bytes replaced."""
    data = SHIPPED.read_bytes()
    assert data.count(change) == 1
    path = tmp_path / "damaged.onnx"
    path.write_bytes(data.replace(change, to))
    return path


def test_the_shipped_network_is_what_its_card_says_and_small() -> None:
    network = shipped()
    assert SHIPPED.stat().st_size <= 2 << 20
    assert network.name.startswith("quest/")


def test_the_order_of_the_tokens_changes_nothing() -> None:
    network = shipped()
    tasks = [Waiting(float(ms), 900.0) for ms in (10, 250, 40, 700, 333)]
    scores, value = network.scores(encode(observe_waiting(tasks, 2, 4)))
    order = [3, 0, 4, 2, 1]
    turned, same = network.scores(encode(observe_waiting([tasks[index] for index in order], 2, 4)))
    assert np.allclose(turned, scores[order], atol=1e-5)
    assert value == pytest.approx(same, abs=1e-5)


def test_a_file_that_is_not_there_or_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        Network(tmp_path / "none.onnx")
    assert caught.value.kind == "missing"
    path = tmp_path / "text.onnx"
    path.write_text("no network")
    with pytest.raises(PolicyError) as caught:
        Network(path)
    assert caught.value.kind == "unreadable"
    path.write_bytes(b"\0" * (9 << 20))
    with pytest.raises(PolicyError, match="at most") as caught:
        Network(path)
    assert caught.value.kind == "unreadable"


def test_a_file_with_another_digest_than_its_card_is_refused() -> None:
    with pytest.raises(PolicyError) as caught:
        Network(SHIPPED, "0" * 64)
    assert caught.value.kind == "digest"


def test_a_file_for_another_version_of_the_encoder_is_refused(tmp_path: Path) -> None:
    path = damaged(tmp_path, b"\n\x07encoder\x12\x011", b"\n\x07encoder\x12\x019")
    with pytest.raises(PolicyError, match="train it again") as caught:
        Network(path)
    assert caught.value.kind == "version"


def test_a_network_of_no_numbers_is_refused(tmp_path: Path) -> None:
    data = bytearray(SHIPPED.read_bytes())
    # The tensor's four bytes stand after its name, as `raw_data` (field 9).
    name = b"network.score.bias\x4a\x04"
    place = data.index(name) + len(name)
    data[place : place + 4] = b"\x00\x00\xc0\x7f"
    path = tmp_path / "nan.onnx"
    path.write_bytes(bytes(data))
    with pytest.raises(PolicyError) as caught:
        Network(path)
    assert caught.value.kind == "numbers"


def test_a_network_for_other_tables_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(SHIPPED.read_bytes().replace(b"adjacency", b"adjacencx"))
    with pytest.raises(PolicyError) as caught:
        Network(path)
    assert caught.value.kind == "shape"


def test_a_conductor_whose_policy_is_refused_goes_by_the_rules(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(chosen("rules"), Rules)
    assert isinstance(chosen(""), Rules)
    assert isinstance(chosen("shipped"), Learned)
    assert isinstance(chosen(str(tmp_path / "none.onnx")), Rules)
    assert "is refused, the rules decide" in caplog.text


def test_the_scores_of_a_batch_are_those_of_its_decisions() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is in the extra `train`")
    from quest.train.network import Network as Trained
    from quest.train.network import Shape, parameters

    network = Trained(Shape())
    assert parameters(network) <= 300_000
    assert torch.get_num_threads() >= 1


def test_an_empty_graph_is_no_trouble() -> None:
    seen = observe_waiting([Waiting(1.0), Waiting(2.0)], 1, 1)
    bare = Observation(seen.globals, seen.nodes[:0], seen.pools, seen.actions, seen.places * 0 - 1, seen.edges)
    scores, _ = shipped().scores(encode(bare))
    assert np.isfinite(scores).all()
