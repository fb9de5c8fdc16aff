"""Why a task has not begun, as `runs show` tells it."""

from __future__ import annotations

from conductor.cli.waits import unserved
from conductor.wire.grants import Offer
from conductor.wire.ready import Requires

PLAIN = Offer(capabilities=["model.fit"])
GPU = Offer(pool="gpu", capabilities=["model.fit"], labels={"zone": "a"}, resources={"gpu": 2.0, "memory": 1024.0**3})


def test_a_function_that_nobody_offers_is_named_with_the_remedy() -> None:
    said = unserved("text.count", None, [PLAIN, GPU])
    assert said == "no worker offers text.count: start one (`symphony worker MODULE`)"


def test_what_some_worker_could_take_waits_for_nothing_that_is_missing() -> None:
    assert unserved("model.fit", None, [PLAIN]) is None
    needs = Requires(pool="gpu", labels={"zone": "a"}, resources={"gpu": 2.0, "memory": 1024.0**3, "cpu": 64.0})
    assert unserved("model.fit", needs, [PLAIN, GPU]) is None, "of cpu it says nothing: its slots bound it"


def test_the_first_wish_that_nobody_meets_is_told_with_those_before_it() -> None:
    said = unserved("model.fit", Requires(pool="gpu", labels={"zone": "b"}), [PLAIN, GPU])
    assert said == "no worker that offers model.fit in the pool gpu is labelled zone=b: start one that is"
    said = unserved("model.fit", Requires(resources={"gpu": 4.0}), [PLAIN, GPU])
    assert said == "no worker that offers model.fit is a machine with 4 gpu: start one that is"
    said = unserved("model.fit", Requires(resources={"memory": 2.0 * 1024**3}), [GPU])
    assert said is not None
    assert "with 2048 MiB of memory" in said
