"""Tokens of the small expression languages that foreign documents use, and what cannot be said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conductor.workflow.importers.cel import EXPRESSION_LENGTH_MAX

DEPTH_MAX = 40
"""Of an expression's nesting: the parsers recurse."""
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0"}


class Untranslatable(Exception):
    """An expression, or a part of one, that our language cannot say; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is name, number, text, hole, sign or end; `at` is the column from 0."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What the tokens of a language look like. `signs` are longest first; `name` tells where a name goes on."""

    signs: tuple[str, ...]
    name: Callable[[str], bool] = lambda c: c.isalnum() or c == "_"
    quotes: str = "'\""
    holes: bool = False
    """`{{...}}` is a token, also inside of quotes: what a substitution before the parsing puts there."""
    interpolates: bool = False
    """`\\(` stays in a text: it begins an expression there."""


def scan(text: str, lexicon: Lexicon) -> list[Token]:
    """The tokens of a text, the last of kind `end`.

    Raises:
        Untranslatable: a character that begins no token, a text without an end, too long.
    """
    if len(text) > EXPRESSION_LENGTH_MAX:
        raise Untranslatable(f"the expression has more than {EXPRESSION_LENGTH_MAX} characters")
    found: list[Token] = []
    at = 0
    while at < len(text):
        start, here = at, text[at]
        if here.isspace():
            at += 1
            continue
        if lexicon.holes and text.startswith("{{", at):
            end = text.find("}}", at)
            if end < 0:
                raise Untranslatable("`{{` has no `}}`")
            found.append(Token("hole", text[at + 2 : end].strip(), start))
            at = end + 2
        elif here in lexicon.quotes:
            body, at = _quoted(text, at, lexicon)
            found.append(Token("text", body, start))
        elif here.isdigit() or (here == "." and text[at + 1 : at + 2].isdigit()):
            at = _number(text, at)
            found.append(Token("number", text[start:at], start))
        elif here.isalpha() or here in "_$@":
            at += 1
            while at < len(text) and lexicon.name(text[at]):
                at += 1
            found.append(Token("name", text[start:at], start))
        else:
            sign = next((one for one in lexicon.signs if text.startswith(one, at)), None)
            if sign is None:
                raise Untranslatable(f"{here!r} has no meaning here")
            at += len(sign)
            found.append(Token("sign", sign, start))
    found.append(Token("end", "", at))
    return found


def _number(text: str, at: int) -> int:
    while at < len(text) and (text[at].isdigit() or text[at] == "."):
        at += 1
    if text[at : at + 1] in ("e", "E"):
        after = at + 2 if text[at + 1 : at + 2] in ("+", "-") else at + 1
        if text[after : after + 1].isdigit():
            at = after
            while at < len(text) and text[at].isdigit():
                at += 1
    return at


def _quoted(text: str, at: int, lexicon: Lexicon) -> tuple[str, int]:
    quote, made, depth = text[at], [], 0
    at += 1
    while at < len(text):
        here = text[at]
        if lexicon.interpolates and text.startswith("\\(", at):
            depth += 1
            made.append("\\(")
            at += 2
            continue
        if depth:  # inside an interpolation the text is that of an expression
            depth += (here == "(") - (here == ")")
            made.append(here)
            at += 1
            continue
        if here == quote:
            return "".join(made), at + 1
        if here == "\\" and quote != "`":
            code = text[at + 1 : at + 2]
            if code == "u":
                digits = text[at + 2 : at + 6]
                if len(digits) < 4 or not all(c in "0123456789abcdefABCDEF" for c in digits):
                    raise Untranslatable("`\\u` takes four hexadecimal digits")
                made.append(chr(int(digits, 16)))
                at += 6
                continue
            made.append(_ESCAPES.get(code, code))
            at += 2
            continue
        made.append(here)
        at += 1
    raise Untranslatable(f"a text has no closing {quote}")


class Tokens:
    """Tokens as a parser eats them."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def peek(self, ahead: int = 0) -> Token:
        """The token to come, or one after it."""
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def next(self) -> Token:
        """Eat a token."""
        token = self.peek()
        self._at += 1
        return token

    def sign(self, *signs: str) -> str | None:
        """Eat one of these signs, if one stands here."""
        token = self.peek()
        if token.kind == "sign" and token.text in signs:
            self._at += 1
            return token.text
        return None

    def word(self, *words: str) -> str | None:
        """Eat one of these names, if one stands here."""
        token = self.peek()
        if token.kind == "name" and token.text in words:
            self._at += 1
            return token.text
        return None

    def expect(self, sign: str) -> None:
        """Eat a sign that has to stand here."""
        if self.sign(sign) is None:
            raise Untranslatable(f"`{sign}` is missing before {self.peek().text or 'the end'!r}")

    def done(self) -> None:
        """Nothing may be left."""
        if self.peek().kind != "end":
            raise Untranslatable(f"{self.peek().text!r} has no meaning here")

    def mark(self) -> tuple[int, int]:
        """Where the parser stands, to come `back` to."""
        return self._at, self._depth

    def back(self, mark: tuple[int, int]) -> None:
        """Eat again from a mark."""
        self._at, self._depth = mark

    def deeper(self) -> None:
        """A level of nesting is entered; `shallower` leaves it."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise Untranslatable(f"the expression is nested more than {DEPTH_MAX} deep")

    def shallower(self) -> None:
        """A level of nesting is left."""
        self._depth -= 1


def number(token: Token) -> int | float:
    """The value of a number's token."""
    try:
        return int(token.text) if token.text.isdigit() else float(token.text)
    except ValueError:
        raise Untranslatable(f"{token.text!r} is no number") from None
