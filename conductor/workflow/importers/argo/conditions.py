"""`when:` of Argo: a condition that is parsed after its `{{...}}` are substituted, with bare words as texts.

Whatever a substitution gives is text that then is read as a literal. So equality compares texts, order compares numbers.
"""

from __future__ import annotations

from collections.abc import Callable

from conductor.workflow.importers.cel import COMPARE, Cel, Text, binary, call, literal, negated
from conductor.workflow.importers.scanner import Lexicon, Tokens, Untranslatable, number, scan

Resolve = Callable[[str], Cel]
"""What a `{{name}}` stands for; raises Untranslatable."""
_SIGNS = Lexicon(
    ("&&", "||", "==", "!=", "<=", ">=", "=~", "!~", "<", ">", "!", "(", ")", ",", "+", "-", "*", "/", "%"),
    name=lambda c: c.isalnum() or c in "_-./:",
    holes=True,
)
_FLIPPED = {"==", "!=", "<", "<=", ">", ">=", "=~", "!~"}


def condition(text: str, resolve: Resolve, holes: Callable[[str], Text]) -> Cel:
    """A `when:` as CEL. `holes` substitutes inside of quoted texts.

    Raises:
        Untranslatable: it uses what our language cannot say.
    """
    tokens = Tokens(scan(text, _SIGNS))
    made = _Parser(tokens, resolve, holes).any_of()
    tokens.done()
    return _truth(made)


def _truth(value: Cel) -> Cel:
    """A value as a condition: the text `true`, where it is not one already."""
    return value if value.kind == "boolean" else binary(value.as_text(), "==", literal("true"))


class _Parser:
    def __init__(self, tokens: Tokens, resolve: Resolve, holes: Callable[[str], Text]) -> None:
        self.tokens, self.resolve, self.holes = tokens, resolve, holes

    def any_of(self) -> Cel:
        self.tokens.deeper()
        made = self.all_of()
        while self.tokens.sign("||"):
            made = binary(_truth(made), "||", _truth(self.all_of()))
        self.tokens.shallower()
        return made

    def all_of(self) -> Cel:
        made = self.comparison()
        while self.tokens.sign("&&"):
            made = binary(_truth(made), "&&", _truth(self.comparison()))
        return made

    def comparison(self) -> Cel:
        left = self.sum()
        if self.tokens.word("in"):
            return binary(left.as_text(), "in", self.list())
        sign = self.tokens.sign(*_FLIPPED)
        if sign is None:
            return left
        right = self.sum()
        if sign in ("=~", "!~"):
            made = Cel(f"{left.as_text().text}.matches({right.as_text().text})", COMPARE, "boolean")
            return negated(made) if sign == "!~" else made
        if sign in ("==", "!="):
            return binary(_shown(left), sign, _shown(right))
        return binary(_counted(left), sign, _counted(right))

    def list(self) -> Cel:
        self.tokens.expect("(")
        found = [_shown(self.sum()).text]
        while self.tokens.sign(","):
            found.append(_shown(self.sum()).text)
        self.tokens.expect(")")
        return Cel(f"[{', '.join(found)}]", kind="list")

    def sum(self) -> Cel:
        made = self.product()
        while sign := self.tokens.sign("+", "-"):
            made = binary(_counted(made), sign, _counted(self.product()))
        return made

    def product(self) -> Cel:
        made = self.unary()
        while sign := self.tokens.sign("*", "/", "%"):
            made = binary(_counted(made), sign, _counted(self.unary()))
        return made

    def unary(self) -> Cel:
        if self.tokens.sign("!"):
            self.tokens.deeper()
            made = negated(_truth(self.unary()))
            self.tokens.shallower()
            return made
        if self.tokens.sign("-"):
            return literal(-number(self.tokens.next()))
        if self.tokens.sign("("):
            made = self.any_of()
            self.tokens.expect(")")
            return made
        token = self.tokens.next()
        if token.kind == "hole":
            return self.resolve(token.text)
        if token.kind == "number":
            return literal(number(token))
        if token.kind == "text":
            return self.holes(token.text).cel().as_text()
        if token.kind == "name":
            return literal(token.text) if token.text not in ("true", "false") else literal(token.text == "true")
        raise Untranslatable(f"{token.text or 'the end'!r} is no value")


def _shown(value: Cel) -> Cel:
    """As the text that a document would hold: what a substitution gives has no other type."""
    if value.text in ("true", "false"):
        return literal(value.text)
    if value.kind == "number" and value.text.replace(".", "", 1).lstrip("-").isdigit():
        return literal(value.text)
    return value.as_text()


def _counted(value: Cel) -> Cel:
    return value if value.kind == "number" else call("double", value, kind="number")
