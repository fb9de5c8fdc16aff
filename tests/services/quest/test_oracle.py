"""The oracle bounds what is counted: every test quest can be solved, no bot beats it by more than its own search misses,
and nobody is faster or cheaper than the relaxation says."""

from __future__ import annotations

import pytest
from quest._core import Game
from quest.document import encode
from quest.players import BOTS, Bot, Oracle, Planner

from tests.services.quest.drawing import begun, some

PLAYERS = [*(Bot(name) for name in BOTS), Planner(3)]


def test_the_oracle_solves_every_quest_that_is_drawn() -> None:
    for quest in some(3, "test"):
        assert Oracle().play(begun(quest), 1).won, quest.quest


def test_no_player_is_faster_or_cheaper_than_the_lower_bounds() -> None:
    for quest in some(3, "test"):
        game = Game(encode(quest))
        for player in [*PLAYERS, Oracle()]:
            result = player.play(game.play(quest.seed), 1)
            assert 0.0 <= result.score <= 1.0
            if result.won:
                assert result.end_ms >= game.least_ms - 1, (quest.quest, player.name)
                assert result.spent >= game.least_cost - 1e-6, (quest.quest, player.name)


def test_no_scripted_player_scores_more_than_the_oracle_on_average() -> None:
    sums = dict.fromkeys([player.name for player in [*PLAYERS, Oracle()]], 0.0)
    for quest in some(4, "test"):
        for player in [*PLAYERS, Oracle()]:
            sums[player.name] += player.play(begun(quest), 1).score
    assert sums["oracle"] == pytest.approx(max(sums.values()), rel=0.01)
    assert sums["random"] < sums["greedy"] < sums["oracle"]


def test_the_same_actions_in_the_same_world_have_the_same_end() -> None:
    for quest in some(1):
        score, won, end_ms, spent, actions = begun(quest).oracle(20, 1)
        play = begun(quest)
        for action in actions:
            play.apply(*action)
        assert (play.score, play.won, play.now_ms, play.spent) == (pytest.approx(score), won, end_ms, spent)
