"""What names mean inside a template: its parameters, the tasks beside it, the item of its loop, the workflow's inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from conductor.workflow.importers.argo.expressions import expression
from conductor.workflow.importers.cel import Cel, Text, binary, call, choice, literal
from conductor.workflow.importers.scanner import Untranslatable

SUCCEEDED = ("succeeded", "cached")


@dataclass(frozen=True, slots=True)
class Made:
    """A task of ours that stands for one of Argo's, and how its outputs are referred to from the tasks beside it."""

    task: str
    result: Cel | None = None
    parameters: dict[str, Cel] = field(default_factory=dict)
    looped: bool = False

    def meta(self, name: str) -> Cel:
        """A field of what is known of the task."""
        return Cel(f"tasks_meta.{self.task}.{name}")

    def is_(self, *statuses: str) -> Cel:
        """Whether it ended in one of these statuses."""
        if len(statuses) == 1:
            return binary(self.meta("status"), "==", literal(statuses[0]))
        return binary(self.meta("status"), "in", literal(list(statuses)))

    def output(self, pick: Callable[[Cel], Cel]) -> Cel:
        """What `pick` takes of the output; of a loop it is the list of what it takes of each."""
        whole = Cel(f"tasks.{self.task}")
        if self.looped:
            return Cel(f"{whole.text}.map(o, {pick(Cel('o')).text})", kind="list")
        return pick(whole)


@dataclass(frozen=True, slots=True)
class Scope:
    """`workflow` resolves what begins with `workflow.`; `loops` counts the loops around."""

    workflow: Callable[[str], Cel | Text]
    parameters: dict[str, Text] = field(default_factory=dict)
    beside: dict[str, Made] = field(default_factory=dict)
    item: Cel | None = None
    loops: int = 0

    def within(self, parameters: dict[str, Text]) -> Scope:
        """Inside of a template that is called with these arguments."""
        return replace(self, parameters=parameters, beside={}, item=None)

    def looping(self, item: Cel) -> Scope:
        """Inside of a loop."""
        return replace(self, item=item, loops=self.loops + 1)

    def find(self, name: str) -> Text:
        """What `{{name}}` stands for.

        Raises:
            Untranslatable: it names nothing that our language knows.
        """
        parts = name.split(".")
        match parts:
            case ["inputs", "parameters", *rest] if rest and ".".join(rest) in self.parameters:
                return self.parameters[".".join(rest)]
            case ["inputs", "parameters"]:
                body = ", ".join(f"{literal(k).text}: {v.cel().text}" for k, v in self.parameters.items())
                return Text((Cel(f"json({{{body}}})", kind="text"),))
            case ["item"] if self.item is not None:
                return Text((self.item,))
            case ["item", *rest] if self.item is not None:
                made = self.item
                for part in rest:
                    made = made.field(part)
                return Text((made,))
            case ["workflow", *rest] if rest:
                found = self.workflow(".".join(rest))
                return found if isinstance(found, Text) else Text((found,))
            case ["tasks" | "steps", task, *rest] if task in self.beside:
                return Text((_of_task(self.beside[task], name, rest),))
            case ["tasks" | "steps", task, *_]:
                raise Untranslatable(f"`{{{{{name}}}}}` names {task!r}, which does not stand beside this")
            case ["retries"]:
                raise Untranslatable("`{{retries}}`: a task does not see the number of its try")
        raise Untranslatable(f"`{{{{{name}}}}}` is not known here")

    def resolve(self, name: str) -> Cel:
        """The same, as one expression. `=expr` is an expression of its own."""
        if name.startswith("="):
            return expression(name[1:], self.resolve)
        return self.find(name).cel()

    def substitute(self, text: str) -> Text:
        """A text with all of its `{{...}}` replaced.

        Raises:
            Untranslatable: one of them names nothing that our language knows.
        """
        pieces: list[str | Cel] = []
        at = 0
        while (start := text.find("{{", at)) >= 0:
            end = _close(text, start + 2)
            if end < 0:
                break
            pieces.append(text[at:start])
            name = text[start + 2 : end].strip()
            if name.startswith("="):
                pieces.append(expression(name[1:], self.resolve))
            elif name:
                pieces.extend(self.find(name).pieces)
            at = end + 2
        pieces.append(text[at:])
        return Text.of(*pieces)


def _close(text: str, at: int) -> int:
    """Where the `}}` of a `{{` stands: not one inside of a text of a `{{=` expression."""
    if not text[at:].lstrip().startswith("="):
        return text.find("}}", at)
    quote, depth = "", 0
    while at < len(text):
        here = text[at]
        if quote:
            quote = "" if here == quote else quote
        elif here in "'\"`":
            quote = here
        elif here == "{":
            depth += 1
        elif here == "}" and depth:
            depth -= 1
        elif text.startswith("}}", at):
            return at
        at += 1
    return -1


def _of_task(made: Made, name: str, rest: list[str]) -> Cel:
    match rest:
        case ["outputs", "result"] if made.result is not None:
            return made.result
        case ["outputs", "parameters", *more] if ".".join(more) in made.parameters:
            return made.parameters[".".join(more)]
        case ["outputs", "parameters"]:
            body = ", ".join(f"{literal(k).text}: {v.text}" for k, v in made.parameters.items())
            return call("json", Cel(f"{{{body}}}"), kind="text")
        case ["status"]:
            shown = choice(made.is_("skipped"), literal("Skipped"), literal("Failed"))
            return choice(made.is_(*SUCCEEDED), literal("Succeeded"), shown)
        case ["startedAt"]:
            return made.meta("started")
        case ["finishedAt"]:
            return made.meta("ended")
    raise Untranslatable(f"`{{{{{name}}}}}` is no output that is known here")
