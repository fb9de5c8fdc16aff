"""Runtime expressions of Serverless Workflow, which are jq, as CEL: the part of jq that gives one value for one value.

`.` is whatever data the expression is asked about, so a pipe puts its left side into its right side. What has no
translation (streams, assignments, `reduce`, `limit`, ...) is refused by name, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from conductor.workflow.importers.cel import (
    EXPRESSION_LENGTH_MAX,
    PRIMARY,
    UNARY,
    Cel,
    Kind,
    Text,
    binary,
    call,
    choice,
    literal,
    negated,
    quote,
)
from conductor.workflow.importers.scanner import Lexicon, Tokens, Untranslatable, number, scan

_LEXICON = Lexicon(
    ("?//", "//=", "|=", "+=", "-=", "*=", "/=", "==", "!=", "<=", ">=", "//", "..", "<", ">", "=", "(", ")", "[", "]",
     "{", "}", ",", ":", ";", "|", "+", "-", "*", "/", "%", ".", "?"),
    quotes='"',
    interpolates=True,
)  # fmt: skip
_PLAIN: dict[str, tuple[str, Kind]] = {
    "length": ("size", "number"), "keys": ("keys", "list"), "keys_unsorted": ("keys", "list"),
    "tostring": ("string", "text"), "tonumber": ("double", "number"), "tojson": ("json", "text"),
    "fromjson": ("parse_json", "any"), "ascii_downcase": ("lower", "text"), "ascii_upcase": ("upper", "text"),
    "min": ("min", "any"), "max": ("max", "any"), "unique": ("unique", "list"), "flatten": ("flatten", "list"),
    "trim": ("trim", "text"), "type": ("type", "text"),
}  # fmt: skip
_METHODS: dict[str, tuple[str, Kind]] = {
    "startswith": ("startsWith", "boolean"), "endswith": ("endsWith", "boolean"), "test": ("matches", "boolean"),
    "contains": ("contains", "boolean"), "split": ("split", "list"), "join": ("join", "text"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Data:
    """What an expression sees: `.` and its variables (`$context`, `$input`, `$item`, ...; without the dollar)."""

    dot: Cel
    variables: Mapping[str, Cel]
    depth: int = 0

    def at(self, dot: Cel) -> Data:
        """The same about other data."""
        return replace(self, dot=dot)


def is_expression(text: str) -> bool:
    """Whether a text is `${ ... }`."""
    return text.strip().startswith("${") and text.strip().endswith("}")


def stripped(text: str) -> str:
    """An expression without its `${ }`."""
    text = text.strip()
    return text[2:-1] if is_expression(text) else text


def translate(text: str, data: Data) -> Cel:
    """An expression, with or without `${ }`, as CEL.

    Raises:
        Untranslatable: it uses what our language cannot say.
    """
    tokens = Tokens(scan(stripped(text), _LEXICON))
    made = _Parser(tokens).pipe(data)
    tokens.done()
    if len(made.text) > EXPRESSION_LENGTH_MAX:
        raise Untranslatable(f"it would take more than {EXPRESSION_LENGTH_MAX} characters")
    return made


class _Parser:
    """Each rule takes the data that its `.` means."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def pipe(self, data: Data) -> Cel:
        self.tokens.deeper()
        made = self.alternative(data)
        while self.tokens.sign("|"):
            made = self.alternative(data.at(made))
        following = self.tokens.peek()
        if following.kind == "sign" and following.text in ("=", "|=", "+=", "-=", "*=", "/=", "//="):
            raise Untranslatable(f"`{following.text}` changes a value in place")
        self.tokens.shallower()
        return made

    def alternative(self, data: Data) -> Cel:
        made = self.any_of(data)
        if self.tokens.sign("//"):
            made = call("default", made, self.alternative(data))
        return made

    def any_of(self, data: Data) -> Cel:
        made = self.all_of(data)
        while self.tokens.word("or"):
            made = binary(made, "||", self.all_of(data))
        return made

    def all_of(self, data: Data) -> Cel:
        made = self.comparison(data)
        while self.tokens.word("and"):
            made = binary(made, "&&", self.comparison(data))
        return made

    def comparison(self, data: Data) -> Cel:
        made = self.sum(data)
        if sign := self.tokens.sign("==", "!=", "<=", ">=", "<", ">"):
            made = binary(made, sign, self.sum(data))
        return made

    def sum(self, data: Data) -> Cel:
        made = self.product(data)
        while sign := self.tokens.sign("+", "-"):
            right = self.product(data)
            if sign == "+" and "object" in (made.kind, right.kind):
                made = call("merge", made, right, kind="object")
            else:
                made = binary(made, sign, right)
        return made

    def product(self, data: Data) -> Cel:
        made = self.postfix(data)
        while sign := self.tokens.sign("*", "/", "%"):
            right = self.postfix(data)
            if sign == "/":  # integers divide to integers in CEL
                made, right = call("double", made, kind="number"), call("double", right, kind="number")
            made = binary(made, sign, right)
        return made

    def postfix(self, data: Data) -> Cel:
        if self.tokens.sign("-"):
            return Cel(f"-{self.postfix(data).inside(PRIMARY)}", UNARY, "number")
        made = self.term(data)
        while True:
            token = self.tokens.peek()
            if token.kind != "sign":
                return made
            if token.text == "." and self.tokens.peek(1).kind in ("name", "text"):
                self.tokens.next()
                made = made.field(self.name())
            elif token.text == "." and self.tokens.peek(1).text == "[":
                self.tokens.next()
            elif token.text == "[":
                made = self.index(made, data)
            elif token.text == "?":
                self.tokens.next()  # selecting from null gives null here, and the rest stays an error
            else:
                return made

    def name(self) -> str:
        token = self.tokens.next()
        if "\\(" in token.text:
            raise Untranslatable("a field's name that is computed has to stand in brackets")
        return token.text

    def index(self, made: Cel, data: Data) -> Cel:
        self.tokens.expect("[")
        if self.tokens.peek().text == "]" and self.tokens.peek().kind == "sign":
            raise Untranslatable("`[]` gives many values; only `[.x[] | ...]` has a translation")
        inner = self.pipe(data)
        if self.tokens.sign(":"):
            raise Untranslatable("a slice has no translation")
        self.tokens.expect("]")
        if inner.text.startswith("-") and inner.text[1:].isdigit():
            inner = Cel(f"size({made.text}) - {inner.text[1:]}")
        return made.at(inner)

    def term(self, data: Data) -> Cel:
        token = self.tokens.next()
        if token.kind == "number":
            return literal(number(token))
        if token.kind == "text":
            return interpolated(token.text, data).cel().as_text()
        if token.kind == "name":
            return self.named(token.text, data)
        match token.text:
            case ".":
                following = self.tokens.peek()
                if following.kind in ("name", "text") and following.at == token.at + 1:
                    return data.dot.field(self.name())
                return data.dot
            case "(":
                made = self.pipe(data)
                self.tokens.expect(")")
                return Cel(f"({made.text})", kind=made.kind) if made.binds != PRIMARY else made
            case "[":
                return self.list(data)
            case "{":
                return self.object(data)
        raise Untranslatable(f"{token.text or 'the end'!r} has no meaning here")

    def list(self, data: Data) -> Cel:
        """`[a, b]`, or `[.x[] | ...]`: the one stream that has a translation."""
        start = self.tokens.mark()
        if self.streams():
            try:
                return self.stream(data)
            except Untranslatable:
                self.tokens.back(start)
        found: list[str] = []
        while not self.tokens.sign("]"):
            if found:
                self.tokens.expect(",")
            found.append(self.pipe(data).text)
        return Cel(f"[{', '.join(found)}]", kind="list")

    def streams(self) -> bool:
        """Whether `[]` comes before the end of this list."""
        ahead, depth = 0, 0
        while self.tokens.peek(ahead).kind != "end":
            text = self.tokens.peek(ahead).text if self.tokens.peek(ahead).kind == "sign" else ""
            if text == "[" and self.tokens.peek(ahead + 1).text == "]":
                return True
            depth += (text in "([{" and text != "") - (text in ")]}" and text != "")
            if depth < 0 or text == "|":
                return False
            ahead += 1
        return False

    def stream(self, data: Data) -> Cel:
        source = data.dot
        self.tokens.expect(".")
        while self.tokens.peek().kind in ("name", "text"):
            source = source.field(self.name())
            if not self.tokens.sign("."):
                break
        self.tokens.expect("[")
        self.tokens.expect("]")
        variable = f"x{data.depth + 1}"
        inside = Data(Cel(variable), data.variables, data.depth + 1)
        made = Cel(source.text, source.binds, "list")
        if self.tokens.peek().text == "." and self.tokens.peek().kind == "sign":
            picked = inside.dot
            while self.tokens.sign("."):
                picked = picked.field(self.name())
            made = Cel(f"{made.inside(PRIMARY)}.map({variable}, {picked.text})", kind="list")
        while self.tokens.sign("|"):
            made = self.stage(made, variable, inside)
        self.tokens.expect("]")
        return made

    def stage(self, made: Cel, variable: str, inside: Data) -> Cel:
        if self.tokens.word("select"):
            self.tokens.expect("(")
            condition = self.pipe(inside)
            self.tokens.expect(")")
            return Cel(f"{made.inside(PRIMARY)}.filter({variable}, {condition.text})", kind="list")
        body = self.alternative(inside)
        return Cel(f"{made.inside(PRIMARY)}.map({variable}, {body.text})", kind="list")

    def object(self, data: Data) -> Cel:
        found: list[str] = []
        while not self.tokens.sign("}"):
            if found:
                self.tokens.expect(",")
            token = self.tokens.next()
            if token.kind == "name" and token.text.startswith("$"):
                found.append(f"{quote(token.text[1:])}: {self.named(token.text, data).text}")
                continue
            if token.text == "(" and token.kind == "sign":
                key = self.pipe(data).text
                self.tokens.expect(")")
            elif token.kind in ("name", "text", "number"):
                key = interpolated(token.text, data).cel().text if token.kind == "text" else quote(token.text)
            else:
                raise Untranslatable(f"{token.text!r} is no key of an object")
            if self.tokens.sign(":"):
                found.append(f"{key}: {self.alternative(data).text}")
            else:
                found.append(f"{key}: {data.dot.field(token.text).text}")
        return Cel(f"{{{', '.join(found)}}}", kind="object")

    def named(self, name: str, data: Data) -> Cel:
        if name.startswith("$"):
            if name[1:] not in data.variables:
                raise Untranslatable(f"`{name}` is not known here")
            return data.variables[name[1:]]
        if name in ("true", "false", "null"):
            return literal({"true": True, "false": False, "null": None}[name])
        if name == "not":
            return negated(data.dot)
        if name == "if":
            return self.conditional(data)
        if name in _PLAIN:
            function, kind = _PLAIN[name]
            return call(function, data.dot, kind=kind)
        if name in ("first", "last") and self.tokens.peek().text != "(":
            return data.dot.at(literal(0) if name == "first" else Cel(f"size({data.dot.text}) - 1"))
        if not self.tokens.sign("("):
            raise Untranslatable(f"`{name}` has no translation")
        return self.function(name, data)

    def function(self, name: str, data: Data) -> Cel:
        variable = f"x{data.depth + 1}"
        inside = Data(Cel(variable), data.variables, data.depth + 1)
        dot = data.dot.inside(PRIMARY)
        if name == "map":
            if self.tokens.word("select"):
                self.tokens.expect("(")
                made = Cel(f"{dot}.filter({variable}, {self.pipe(inside).text})", kind="list")
                self.tokens.expect(")")
            else:
                made = Cel(f"{dot}.map({variable}, {self.pipe(inside).text})", kind="list")
        elif name in ("any", "all"):
            word = "exists" if name == "any" else "all"
            made = Cel(f"{dot}.{word}({variable}, {self.pipe(inside).text})", kind="boolean")
        elif name == "has":
            made = binary(self.pipe(data), "in", data.dot)
        elif name == "sort_by":
            made = Cel(f"sort_by({data.dot.text}, {variable}, {self.pipe(inside).text})", kind="list")
        elif name in _METHODS:
            method, kind = _METHODS[name]
            made = Cel(f"{dot}.{method}({self.pipe(data).text})", kind=kind)
        else:
            raise Untranslatable(f"`{name}` has no translation")
        self.tokens.expect(")")
        return made

    def conditional(self, data: Data) -> Cel:
        condition = self.pipe(data)
        if not self.tokens.word("then"):
            raise Untranslatable("`if` has no `then`")
        then = self.pipe(data)
        if self.tokens.word("elif"):
            return choice(condition, then, self.conditional(data))
        otherwise = self.pipe(data) if self.tokens.word("else") else data.dot
        if not self.tokens.word("end"):
            raise Untranslatable("`if` has no `end`")
        made = choice(condition, then, otherwise)
        return Cel(f"({made.text})", kind=made.kind)


def interpolated(text: str, data: Data) -> Text:
    """A text of jq with its `\\( )` translated."""
    pieces: list[str | Cel] = []
    at = 0
    while (start := text.find("\\(", at)) >= 0:
        depth, end = 1, start + 2
        while end < len(text) and depth:
            depth += (text[end] == "(") - (text[end] == ")")
            end += 1
        pieces += [text[at:start], translate(text[start + 2 : end - 1], data)]
        at = end
    pieces.append(text[at:])
    return Text.of(*pieces)
