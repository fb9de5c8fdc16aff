"""The whole way of a training, in small: demonstrations, corrections, a file that is served. Skipped without PyTorch."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest
from quest.train.knobs import Knobs
from quest.train.samples import Batch, chancy, collect, load, save, teacher
from quest.train.setting import knobs, rows
from quest.train.thin import thinned

from conductor.policy.encoder import encode
from conductor.policy.network import Network as Served
from conductor.policy.observation import Observation
from tests.services.quest.drawing import some

SMALL = Knobs(levels=(1, 7), episodes=30, corrections=1, correction_episodes=6, epochs=2.0, batch=32, width=16)


def test_a_teachers_word_is_kept_as_it_was(tmp_path: Path) -> None:
    samples = list(collect(16, range(3), teacher(0.1), 2))
    digest = save(tmp_path / "some.bin", samples)
    again = load(tmp_path / "some.bin")
    assert again == samples
    assert save(tmp_path / "same.bin", again) == digest
    for sample in samples:
        seen = Observation.of(sample.tables)
        assert len(seen.actions) == len(sample.worth) > 1
        assert all(0 <= worth <= 1 for worth in sample.worth)


def test_padding_is_masked() -> None:
    samples = list(collect(15, range(2), teacher(0.1), 1))
    batch = Batch(samples)
    assert batch.mask.sum(1).tolist() == [len(sample.worth) for sample in samples]
    assert np.abs(batch.nodes[batch.present < 0.5]).sum() == 0
    assert np.abs(batch.actions[batch.mask < 0.5]).sum() == 0


def test_games_without_chance_are_imagined_once() -> None:
    kinds = {quest.level: chancy(quest) for quest in some(1)}
    assert not kinds[1] and not kinds[7]
    assert kinds[12] and kinds[16] and kinds[17] and kinds[20]


def test_some_decisions_are_also_seen_as_production_shows_them() -> None:
    samples = list(collect(16, range(8), teacher(0.3), 1)) + list(collect(6, range(3), teacher(0.1), 1))
    thin = [seen for seen in map(thinned, samples) if seen is not None]
    assert len(thin) > 10
    for sample in thin:
        seen = Observation.of(sample.tables)
        assert len(seen.edges) == 0
        assert len(seen.actions) == len(sample.worth) > 1


def test_knobs_are_set_by_name_and_checked() -> None:
    assert knobs(["width=32", "curriculum=false"]) == Knobs(width=32, curriculum=False)
    assert ("seed", "1") in rows(Knobs())
    for wrong in ("height=3", "width", "width=broad", 'width="broad"'):
        with pytest.raises(ValueError, match="--set"):
            knobs([wrong])


def test_a_training_gives_a_policy_that_can_be_served_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is in the extra `train`")
    pytest.importorskip("onnx", reason="onnx is in the extra `train`")
    from quest.train import command
    from quest.train.imitate import tensors
    from quest.train.network import Network, Shape

    told: list[str] = []
    path = command.run(tmp_path, SMALL, told.append)
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["knobs"]["width"] == 16 and card["data"] and card["code"]
    first = path.read_bytes()

    served = Served(path, card["digest"])
    network = Network(Shape(16, SMALL.rounds_of_messages))
    network.load_state_dict(torch.load(tmp_path / "network1.pt", weights_only=True))
    network.eval()
    samples = list(collect(7, range(4), teacher(0.2), 1))
    with torch.no_grad():
        scores, _ = network(*tensors(Batch(samples)))
    for row, sample in enumerate(samples):
        one, _ = served.scores(encode(Observation.of(sample.tables)))
        assert np.allclose(one, scores[row, : len(one)].numpy(), atol=1e-5)

    before = len(told)
    command.run(tmp_path, SMALL, told.append)
    assert not any("step" in line for line in told[before:])  # nothing is done twice
    assert path.read_bytes() == first


def test_the_order_of_tokens_changes_nothing_in_training() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is in the extra `train`")
    from quest.train.imitate import tensors
    from quest.train.network import Network, Shape

    torch.manual_seed(1)
    network = Network(Shape()).eval()
    (sample,) = list(collect(15, range(1), teacher(0.0), 1))[:1]
    seen = Observation.of(sample.tables)
    order = list(range(len(seen.actions)))
    Random(1).shuffle(order)
    turned = type(sample)(
        sample.level,
        [
            *sample.tables[:3],
            seen.actions[order].tobytes(),
            np.ascontiguousarray(seen.places[order]).tobytes(),
            sample.tables[5],
        ],
        [sample.worth[index] for index in order],
    )
    with torch.no_grad():
        scores, _ = network(*tensors(Batch([sample])))
        moved, _ = network(*tensors(Batch([turned])))
    assert torch.allclose(moved[0], scores[0, order], atol=1e-5)
