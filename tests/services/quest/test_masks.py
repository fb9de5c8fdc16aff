"""Masks are exact: what is masked fails in the simulator, what is not masked is legal."""

from __future__ import annotations

from random import Random

import pytest

from conductor.policy.observation import ACTIONS
from tests.services.quest.drawing import at_random, begun, everything, some


def test_every_action_outside_the_mask_fails_and_every_one_inside_is_done() -> None:
    tried = {True: 0, False: 0}
    for quest in some(3):
        for play in at_random(begun(quest), Random(quest.seed)):
            legal = set(play.legal())
            for action in everything(quest):
                copy = play.copy()
                if action in legal:
                    copy.apply(*action)
                else:
                    with pytest.raises(ValueError):
                        copy.apply(*action)
                tried[action in legal] += 1
    assert tried[True] > 2_000
    assert tried[False] > 20_000


def test_what_is_refused_changes_nothing() -> None:
    for quest in some(1):
        play = begun(quest)
        before = play.observe()
        for action in set(everything(quest)) - set(play.legal()):
            with pytest.raises(ValueError):
                play.apply(*action)
        assert play.observe() == before


def test_the_observation_shows_the_legal_actions_and_no_others() -> None:
    for quest in some(1):
        for play in at_random(begun(quest), Random(1)):
            legal = play.legal()
            assert len(play.observe()[3]) == len(legal) * len(ACTIONS) * 4


def test_no_game_goes_on_without_a_legal_action() -> None:
    for quest in some(2):
        last = None
        for play in at_random(begun(quest), Random(2)):
            last = play
            assert (play.end is None) == bool(play.legal())
        assert last is not None and last.end in ("won", "late", "stuck", "halted")
