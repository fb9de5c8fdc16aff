"""Gymnasium's conventions."""

from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from quest.environment import ID, FunctionQuest, register


@pytest.mark.parametrize("level", [1, 7, 12, 16, 20])
def test_the_environment_is_one_by_gymnasiums_own_check(level: int) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not within the observation space.*low.*")
        warnings.filterwarnings("ignore", message=".*render.*")
        check_env(FunctionQuest(level), skip_render_check=True)


def test_random_legal_play_comes_to_an_end_and_stays_in_its_spaces() -> None:
    env = FunctionQuest(20, "test")
    rng = np.random.default_rng(1)
    for seed in range(5):
        seen, info = env.reset(seed=seed)
        over = not info["action_mask"].any()
        while not over:
            assert env.observation_space.contains(seen)
            assert (seen["mask"] == info["action_mask"]).all()
            legal = np.flatnonzero(info["action_mask"])
            seen, reward, over, _, info = env.step(rng.choice(legal))
        assert reward == info["score"]
        assert (reward > 0) == info["won"]


def test_an_action_outside_the_mask_loses_the_game() -> None:
    env = FunctionQuest(3)
    _, info = env.reset(seed=1)
    _, reward, over, _, info = env.step(np.int64(int(info["action_mask"].sum())))
    assert over and reward == 0.0 and info["illegal"]


def test_it_is_made_by_its_versioned_name_also_as_a_vector() -> None:
    register()
    envs = gymnasium.make_vec(ID, num_envs=3, level=6)
    seen, _ = envs.reset(seed=1)
    assert seen["actions"].shape[0] == 3
    _, reward, *_ = envs.step(np.zeros(3, np.int64))
    assert reward.shape == (3,)
    envs.close()
