"""The game in words: for a person at a terminal, and for a language model."""

from __future__ import annotations

from quest._core import Play
from quest.document import Function, Quest

KINDS = (
    "start", "wait", "retry now", "retry later", "reroute", "fallback", "reconstruct", "compensate", "skip", "halt",
)  # fmt: skip
MEANINGS = {
    "wait": "go on to the next event",
    "retry now": "try again at once",
    "retry later": "try again after its backoff",
    "reroute": "never again in this pool",
    "fallback": "give this function up, others make the same",
    "reconstruct": "make the lost input again",
    "compensate": "undo what it left behind",
    "skip": "give up the goal, which need not be reached",
    "halt": "give up",
}


def _type(name: str, fields: dict[str, str]) -> str:
    inner = ", ".join(f"{field}: {value}" for field, value in fields.items())
    return f"{name}{{{inner}}}" if inner else name


def signature(function: Function) -> str:
    """`open_door(Key{colour: rusty}) -> Open`."""
    inputs = ", ".join(_type(one.type, one.fields) + ("!" if one.consume else "") for one in function.inputs)
    return f"{function.name}({inputs}) -> {_type(function.output.type, function.output.fields)}"


def rules(quest: Quest) -> str:
    """What the quest is, before anything happened."""
    limits = quest.limits
    goals = ", ".join(
        _type(goal.type, goal.fields)
        + (" (optional)" if goal.optional else "")
        + (f" by {goal.deadline_ms} ms" if goal.deadline_ms else "")
        for goal in quest.goals
    )
    have = ", ".join(f"{_type(one.type, one.fields)} x{one.count}" for one in quest.artifacts)
    lines = [
        f"Quest {quest.quest}: have {goals}.",
        f"Limits: {limits.deadline_ms} ms, budget {limits.budget:g}, {limits.calls} calls.",
        f"You start with {have or 'nothing'}.",
        "Functions (! = uses it up):",
    ]
    for function in quest.functions:
        more = []
        if function.needs:
            more.append("needs " + ", ".join(function.needs))
        if function.fresh_ms is not None:
            more.append(f"fresh for {function.fresh_ms} ms")
        if function.rate is not None:
            more.append(f"{function.rate.calls} calls in {function.rate.window_ms} ms")
        lines.append(
            f"  {signature(function)}: {function.duration_ms:g} ms, cost {function.cost:g} {' '.join(more)}".rstrip()
        )
    return "\n".join(lines)


def describe(quest: Quest, play: Play) -> str:
    """Where a game stands: clock, money, pools with what runs in them, what is there, what failed."""
    lines = [
        f"{play.now_ms} of {quest.limits.deadline_ms} ms; spent {play.spent:.2f} of {quest.limits.budget:g}; "
        f"calls {play.calls} of {quest.limits.calls}; goals: {', '.join(play.goals())}"
    ]
    if quest.visible != "hidden":
        running = play.running()
        for index, pool in enumerate(quest.pools):
            inside = [
                f"{quest.functions[function].name} (about {max(0, round(end - play.now_ms))} ms)"
                for function, place, end in running
                if place == index
            ]
            bar = "#" * play.busy()[index] + "." * (pool.slots - play.busy()[index])
            lines.append(f"  {pool.name} [{bar}] speed {pool.speed:g}, {pool.price:g}/s: {', '.join(inside) or 'idle'}")
    held = [_type(one.type, one.fields) for one in (quest.functions[index].output for index in play.held())]
    lines.append(f"  made: {', '.join(dict.fromkeys(held)) or 'nothing yet'}")
    trouble = play.trouble()
    if trouble is not None:
        lines.append(f"  {quest.functions[trouble[0]].name} failed in {quest.pools[trouble[1]].name}: {trouble[2]}")
    return "\n".join(lines)


def choices(quest: Quest, play: Play) -> list[str]:
    """What may be done, a line each, in the order of the game's legal actions."""
    lines = []
    for kind, function, pool in play.legal():
        word = KINDS[kind]
        if word == "start":
            lines.append(f"start {signature(quest.functions[function])} in {quest.pools[pool].name}")
        else:
            lines.append(f"{word}: {MEANINGS[word]}")
    return lines


class TextGame:
    """The game as turns of text, as interfaces for language models have it (`reset` and `step` of the `gem-llm` form): an
    observation that ends in numbered choices, an answer whose last number is the choice."""

    def __init__(self, quest: Quest) -> None:
        self._quest = quest
        self._play: Play | None = None

    def reset(self, seed: int | None = None) -> tuple[str, dict[str, object]]:
        from quest._core import Game
        from quest.document import encode

        self._play = Game(encode(self._quest)).play(self._quest.seed if seed is None else seed)
        self._play.forced()
        return f"{rules(self._quest)}\n\n{self._turn()}", {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, object]]:
        """An answer without the number of a choice changes nothing, and says so."""
        assert self._play is not None, "reset first"
        numbers = [word for word in action.replace(".", " ").replace(":", " ").split() if word.isdigit()]
        count = len(self._play.legal())
        if not numbers or not 1 <= int(numbers[-1]) <= count:
            return f"Answer with a number from 1 to {count}.\n{self._turn()}", 0.0, False, False, {"illegal": True}
        over = self._play.choose(int(numbers[-1]) - 1) == 0
        reward = self._play.score if over else 0.0
        text = f"The game is over: {self._play.end}, score {self._play.score:.3f}." if over else self._turn()
        return text, reward, over, False, {"won": self._play.won}

    def _turn(self) -> str:
        assert self._play is not None
        listed = "\n".join(f"{number}. {line}" for number, line in enumerate(choices(self._quest, self._play), 1))
        return f"{describe(self._quest, self._play)}\n{listed}\nYour choice?"
