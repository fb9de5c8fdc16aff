"""The game for reinforcement learning libraries, by Gymnasium's conventions: `gymnasium.make("FunctionQuest-v1")`.

An action is the row of a legal action in the observation, so a mask of a prefix is exact; `action_mask` stands in `info` as
well. The reward is the score at the end, and 0 before it. Options of `reset`: `level`, `split`, `quest_seed`.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from conductor.policy.encoder import ACTION_WIDTH, GLOBAL_WIDTH, NODE_WIDTH, POOL_WIDTH, encode
from conductor.policy.observation import Observation
from quest import levels
from quest._core import Game, Play
from quest.document import Quest
from quest.document import encode as quest_json
from quest.split import Split

ID = "FunctionQuest-v1"
ACTIONS_MAX = 128
NODES_MAX = 64
POOLS_MAX = 8
Tables = dict[str, NDArray[Any]]


def _box(*shape: int) -> spaces.Box:
    return spaces.Box(-1.0, 1.0, shape, np.float32)


class FunctionQuest(gymnasium.Env[Tables, np.int64]):
    """One level of the game; a new quest each `reset`."""

    metadata = {"render_modes": ["ansi"]}

    def __init__(
        self, level: int = 1, split: Split = "train", quest: Quest | None = None, render_mode: str | None = None
    ):
        self.render_mode = render_mode
        self._level, self._split, self._fixed = level, split, quest
        self.quest: Quest | None = None
        self._play: Play | None = None
        self._choices = 0
        self._spaces: dict[str, spaces.Space[Any]] = {
            "globals": _box(GLOBAL_WIDTH),
            "nodes": _box(NODES_MAX + 1, NODE_WIDTH),
            "pools": _box(POOLS_MAX + 1, POOL_WIDTH),
            "actions": _box(ACTIONS_MAX, ACTION_WIDTH),
            "adjacency": _box(NODES_MAX + 1, NODES_MAX + 1),
            "node": spaces.Box(0, NODES_MAX, (ACTIONS_MAX,), np.int64),
            "pool": spaces.Box(0, POOLS_MAX, (ACTIONS_MAX,), np.int64),
            "mask": spaces.MultiBinary(ACTIONS_MAX),
        }
        self.observation_space = spaces.Dict(self._spaces)  # type: ignore[assignment]  # Gymnasium's own type is narrower
        self.action_space = spaces.Discrete(ACTIONS_MAX)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Tables, dict[str, Any]]:
        super().reset(seed=seed)
        wanted = options or {}
        number = wanted.get("quest_seed", int(self.np_random.integers(0, 1_000_000)))
        self.quest = self._fixed or levels.draw(
            wanted.get("level", self._level), wanted.get("split", self._split), number
        )
        self._play = Game(quest_json(self.quest)).play(self.quest.seed)
        self._choices = self._play.forced()
        return self._seen(), self._info()

    def step(self, action: np.int64) -> tuple[Tables, float, bool, bool, dict[str, Any]]:
        """An action that is no legal one ends the game: it is lost."""
        assert self._play is not None, "reset first"
        if not 0 <= int(action) < self._choices:
            self._choices = 0
            return self._seen(), 0.0, True, False, {**self._info(), "illegal": True}
        self._choices = self._play.choose(int(action))
        over = self._choices == 0
        return self._seen(), self._play.score if over else 0.0, over, False, self._info()

    def action_masks(self) -> NDArray[np.int8]:
        """As `sb3-contrib`'s maskable algorithms ask for it."""
        mask = np.zeros(ACTIONS_MAX, np.int8)
        mask[: min(self._choices, ACTIONS_MAX)] = 1
        return mask

    def _info(self) -> dict[str, Any]:
        assert self._play is not None
        return {"action_mask": self.action_masks(), "won": self._play.won, "score": self._play.score}

    def _seen(self) -> Tables:
        assert self._play is not None
        one = encode(Observation.of(self._play.observe()))
        n, p, a = len(one.nodes) - 1, len(one.pools) - 1, len(one.actions)
        if n > NODES_MAX or p > POOLS_MAX or a > ACTIONS_MAX:
            raise ValueError(
                f"{n} functions, {p} pools, {a} actions: this quest is larger than the environment's tables"
            )
        tables: Tables = {key: np.zeros(space.shape or (), space.dtype) for key, space in self._spaces.items()}
        tables["globals"][:] = one.globals
        tables["nodes"][:n] = one.nodes[:n]
        tables["pools"][:p] = one.pools[:p]
        tables["actions"][:a] = one.actions
        tables["adjacency"][:n, :n] = one.adjacency[:n, :n]
        # Rows of nothing are the last ones here, and not the last of this decision.
        tables["node"][:a] = np.where(one.node == n, NODES_MAX, one.node)
        tables["pool"][:a] = np.where(one.pool == p, POOLS_MAX, one.pool)
        tables["mask"][:] = self.action_masks()
        return tables

    def render(self) -> str | None:
        from quest.text import describe

        assert self._play is not None and self.quest is not None
        return describe(self.quest, self._play) if self.render_mode == "ansi" else None


def register() -> None:
    """Make `gymnasium.make(ID)` find it."""
    if ID not in gymnasium.registry:
        gymnasium.register(id=ID, entry_point="quest.environment:FunctionQuest")
