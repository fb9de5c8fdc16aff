"""`depends:` and `dependencies:` of Argo's DAGs as edges and conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conductor.workflow.importers.argo.scope import SUCCEEDED, Made
from conductor.workflow.importers.cel import Cel, binary, literal, negated
from conductor.workflow.importers.scanner import Lexicon, Tokens, Untranslatable, scan

_LEXICON = Lexicon(("&&", "||", "!", "(", ")", "."), name=lambda c: c.isalnum() or c in "_-")
_INFRASTRUCTURE = ["lost", "internal", "resource", "unavailable"]


@dataclass(frozen=True, slots=True)
class Ask:
    """A leaf of the expression: a task, and the status asked for; no status is `Succeeded || Skipped || Daemoned`."""

    task: str
    status: str = ""


@dataclass(frozen=True, slots=True)
class Both:
    """`&&` or `||` of two, or the opposite of one."""

    sign: str
    sides: tuple[Tree, ...]


Tree = Ask | Both


def parse(text: str) -> Tree:
    """A `depends:`.

    Raises:
        Untranslatable: it is no such expression.
    """
    tokens = Tokens(scan(text, _LEXICON))
    made = _any(tokens)
    tokens.done()
    return made


def _any(tokens: Tokens) -> Tree:
    tokens.deeper()
    sides = [_all(tokens)]
    while tokens.sign("||"):
        sides.append(_all(tokens))
    tokens.shallower()
    return sides[0] if len(sides) == 1 else Both("||", tuple(sides))


def _all(tokens: Tokens) -> Tree:
    sides = [_one(tokens)]
    while tokens.sign("&&"):
        sides.append(_one(tokens))
    return sides[0] if len(sides) == 1 else Both("&&", tuple(sides))


def _one(tokens: Tokens) -> Tree:
    if tokens.sign("!"):
        tokens.deeper()
        made = Both("!", (_one(tokens),))
        tokens.shallower()
        return made
    if tokens.sign("("):
        inner = _any(tokens)
        tokens.expect(")")
        return inner
    token = tokens.next()
    if token.kind not in ("name", "number"):
        raise Untranslatable(f"{token.text or 'the end'!r} names no task")
    name = token.text
    while tokens.peek().kind in ("name", "number") and tokens.peek().at == token.at + len(name):
        name += tokens.next().text  # a name may begin with a digit
    return Ask(name, tokens.next().text if tokens.sign(".") else "")


def leaves(tree: Tree) -> list[Ask]:
    """Every task that is asked about, in order."""
    if isinstance(tree, Ask):
        return [tree]
    return [leaf for side in tree.sides for leaf in leaves(side)]


def conjunction(tree: Tree) -> list[Ask] | None:
    """The leaves, when all of them have to hold and each asks for a good end; otherwise None."""
    if isinstance(tree, Ask):
        return [tree] if tree.status in ("", "Succeeded") else None
    if tree.sign != "&&":
        return None
    found: list[Ask] = []
    for side in tree.sides:
        inner = conjunction(side)
        if inner is None:
            return None
        found += inner
    return found


def minds_failure(tree: Tree) -> set[str]:
    """Tasks whose failure is provided for, so that it does not fail the graph."""
    return {leaf.task for leaf in leaves(tree) if leaf.status in ("Failed", "Errored")}


def edges(
    tree: Tree, beside: Mapping[str, Made], skippable: set[str], minded: set[str]
) -> tuple[list[Any], Cel | None]:
    """`after:` and, where edges do not say all of it, a condition over the statuses.

    Raises:
        Untranslatable: a task or a status that is not known.
    """
    for leaf in leaves(tree):
        if leaf.task not in beside:
            raise Untranslatable(f"there is no task {leaf.task!r} beside this one")
    plain = conjunction(tree)
    if plain is not None and not any(leaf.task in minded for leaf in plain):
        after: list[Any] = []
        for leaf in plain:
            ours = beside[leaf.task].task
            optional = not leaf.status and leaf.task in skippable
            edge: Any = {"task": ours, "kind": "optional"} if optional else ours
            if edge not in after:
                after.append(edge)
        return after, None
    names = list(dict.fromkeys(beside[leaf.task].task for leaf in leaves(tree)))
    return [{"task": name, "kind": "soft"} for name in names], _condition(tree, beside)


def _condition(tree: Tree, beside: Mapping[str, Made]) -> Cel:
    if isinstance(tree, Ask):
        return _asked(beside[tree.task], tree.status)
    if tree.sign == "!":
        return negated(_condition(tree.sides[0], beside))
    made = _condition(tree.sides[0], beside)
    for side in tree.sides[1:]:
        made = binary(made, tree.sign, _condition(side, beside))
    return made


def _asked(made: Made, status: str) -> Cel:
    match status:
        case "":
            return made.is_(*SUCCEEDED, "skipped")
        case "Succeeded":
            return made.is_(*SUCCEEDED)
        case "Failed":
            return made.is_("failed")
        case "Errored":
            kind = binary(made.meta("error").field("kind"), "in", literal(_INFRASTRUCTURE))
            return binary(made.is_("failed"), "&&", kind)
        case "Skipped" | "Omitted":
            return made.is_("skipped")
    raise Untranslatable(f"`.{status}` has no meaning here")
