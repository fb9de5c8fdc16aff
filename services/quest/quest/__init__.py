"""The Function Quest Game: levels, players, evaluation, and the trainer of the conductor's policy."""

from quest.document import Quest, QuestError
from quest.levels import LEVELS, Level, draw

__all__ = ["LEVELS", "Level", "Quest", "QuestError", "draw"]
