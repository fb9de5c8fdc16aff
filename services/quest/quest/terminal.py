"""A quest in the terminal: a person plays, or watches a player."""

from __future__ import annotations

from collections.abc import Callable

from quest import text
from quest._core import Game, Play
from quest.document import Quest, encode

Say = Callable[[str], None]


def play(quest: Quest, say: Say, ask: Callable[[], str], watch: str | None) -> None:
    """To the end of the game; forced moves are done without asking.

    Raises:
        PolicyError: `watch` names a network that is refused.
        ValueError: the quest cannot be compiled, or there is no such player.
    """
    game = Game(encode(quest)).play(quest.seed)
    say(text.rules(quest))
    count = game.forced()
    chooser = _watcher(watch) if watch else None
    while count:
        say("")
        say(text.describe(quest, game))
        lines = text.choices(quest, game)
        for number, line in enumerate(lines, 1):
            say(f"  {number}. {line}")
        index = chooser(game) if chooser else _asked(ask, len(lines), say)
        if chooser:
            say(f"> {index + 1}")
        count = game.choose(index)
    say("")
    say(text.describe(quest, game))
    best = Game(encode(quest)).play(quest.seed).oracle(200, 1)
    ended = f"{'Won' if game.won else 'Lost'} ({game.end}), score {game.score:.3f}"
    say(f"{ended}; the best known play scores {max(best[0], 0):.3f}")


def _asked(ask: Callable[[], str], count: int, say: Say) -> int:
    while True:
        answer = ask().strip()
        if answer.isdigit() and 1 <= int(answer) <= count:
            return int(answer) - 1
        say(f"a number from 1 to {count}; Ctrl-C ends the game")


def _watcher(name: str) -> Callable[[Play], int]:
    from conductor.policy.encoder import encode as tables
    from conductor.policy.observation import Observation
    from quest.players import BOTS, Policy, player

    if name in BOTS:

        def scripted(game: Play) -> int:
            wanted = game.bot(name, game.calls)
            return game.legal().index(wanted) if wanted else 0

        return scripted
    if name == "planner":

        def planned(game: Play) -> int:
            worth = game.advise(5, game.calls)
            return max(range(len(worth)), key=worth.__getitem__)

        return planned
    found = player(name)
    if not isinstance(found, Policy):
        raise ValueError(f"{name} cannot be watched: it knows the end before the game")
    return lambda game: int(found.network.scores(tables(Observation.of(game.observe())))[0].argmax())
