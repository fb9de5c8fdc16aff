"""`{{= ... }}` and `expression:` of Argo (the language of github.com/expr-lang/expr) as CEL."""

from __future__ import annotations

from collections.abc import Callable

from conductor.workflow.importers.cel import Cel, binary, call, choice, literal, negated, quote
from conductor.workflow.importers.scanner import Lexicon, Tokens, Untranslatable, number, scan

Resolve = Callable[[str], Cel]
_LEXICON = Lexicon(
    ("&&", "||", "==", "!=", "<=", ">=", "**", "??", "?.", "..", "<", ">", "!", "(", ")", "[", "]", "{", "}", ",", ":",
     "?", "+", "-", "*", "/", "%", ".", "|", "#"),
    quotes="'\"`",
)  # fmt: skip
_ROOTS = ("inputs", "workflow", "tasks", "steps", "item", "retries", "lastRetry", "pod", "outputs", "node")
_FUNCTIONS = {
    "asInt": "int", "int": "int", "asFloat": "double", "float": "double", "string": "string", "toJson": "json",
    "toJSON": "json", "fromJSON": "parse_json", "len": "size", "lower": "lower", "upper": "upper", "trim": "trim",
    "min": "min", "max": "max", "sum": "sum", "keys": "keys", "values": "values", "toBase64": "base64",
    "split": "split", "join": "join",
}  # fmt: skip
_SPRIG = {"trim": "trim", "upper": "upper", "lower": "lower", "b64enc": "base64", "int": "int", "float64": "double",
          "toString": "string", "toJson": "json", "fromJson": "parse_json", "sha256sum": "sha256"}  # fmt: skip
_LEVELS: tuple[tuple[str, ...], ...] = (("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%"))


def expression(text: str, resolve: Resolve) -> Cel:
    """An expression as CEL. `resolve` is asked for the longest dotted name, such as `inputs.parameters.x`.

    Raises:
        Untranslatable: it uses what our language cannot say.
    """
    tokens = Tokens(scan(text, _LEXICON))
    made = _Parser(tokens, resolve).ternary()
    tokens.done()
    return made


class _Parser:
    def __init__(self, tokens: Tokens, resolve: Resolve) -> None:
        self.tokens, self.resolve = tokens, resolve

    def ternary(self) -> Cel:
        self.tokens.deeper()
        made = self.alternative()
        if self.tokens.sign("?"):
            then = self.ternary()
            self.tokens.expect(":")
            made = choice(made, then, self.ternary())
        self.tokens.shallower()
        return made

    def alternative(self) -> Cel:
        made = self.any_of()
        while self.tokens.sign("??"):
            made = call("default", made, self.any_of())
        return made

    def any_of(self) -> Cel:
        made = self.all_of()
        while self.tokens.sign("||") or self.tokens.word("or"):
            made = binary(made, "||", self.all_of())
        return made

    def all_of(self) -> Cel:
        made = self.inverted()
        while self.tokens.sign("&&") or self.tokens.word("and"):
            made = binary(made, "&&", self.inverted())
        return made

    def inverted(self) -> Cel:
        if self.tokens.word("not"):
            return negated(self.inverted())
        return self.level(0)

    def level(self, depth: int) -> Cel:
        if depth == len(_LEVELS):
            return self.unary()
        made = self.level(depth + 1)
        while True:
            if sign := self.tokens.sign(*_LEVELS[depth]):
                made = binary(made, sign, self.level(depth + 1))
            elif depth == 0 and (word := self.tokens.word("in", "contains", "startsWith", "endsWith", "matches")):
                right = self.level(1)
                if word == "in":
                    made = binary(made, "in", right)
                else:
                    made = Cel(f"{made.inside(7)}.{word}({right.text})", kind="boolean")
            else:
                return made

    def unary(self) -> Cel:
        if self.tokens.sign("!"):
            return negated(self.unary())
        if self.tokens.sign("-"):
            inner = self.unary()
            return Cel(f"-{inner.inside(7)}", 6, "number")
        made = self.primary()
        while True:
            if self.tokens.sign(".", "?."):
                name = self.tokens.next()
                if name.kind != "name" or self.tokens.peek().text == "(":
                    raise Untranslatable(f"`.{name.text}` is no field")
                made = made.field(name.text)
            elif self.tokens.sign("["):
                index = self.ternary()
                self.tokens.expect("]")
                made = made.at(index)
            elif self.tokens.peek().text == "|" and self.tokens.peek().kind == "sign":
                raise Untranslatable("`|` has no translation")
            else:
                return made

    def primary(self) -> Cel:
        token = self.tokens.next()
        if token.kind == "number":
            return literal(number(token))
        if token.kind == "text":
            return literal(token.text)
        if token.kind == "sign" and token.text == "(":
            made = self.ternary()
            self.tokens.expect(")")
            return Cel(f"({made.text})", kind=made.kind)
        if token.kind == "sign" and token.text == "[":
            return Cel(f"[{', '.join(self.arguments(']'))}]", kind="list")
        if token.kind == "sign" and token.text == "{":
            return self.object()
        if token.kind == "name":
            return self.name(token.text)
        raise Untranslatable(f"{token.text or 'the end'!r} is no value")

    def arguments(self, end: str) -> list[str]:
        found: list[str] = []
        while not self.tokens.sign(end):
            if found:
                self.tokens.expect(",")
            found.append(self.ternary().text)
        return found

    def object(self) -> Cel:
        found: list[str] = []
        while not self.tokens.sign("}"):
            if found:
                self.tokens.expect(",")
            key = self.tokens.next()
            if key.kind not in ("name", "text"):
                raise Untranslatable("a key of an object is a name or a text")
            self.tokens.expect(":")
            found.append(f"{quote(key.text)}: {self.ternary().text}")
        return Cel(f"{{{', '.join(found)}}}", kind="object")

    def name(self, name: str) -> Cel:
        if name in ("true", "false"):
            return literal(name == "true")
        if name in ("nil", "null"):
            return literal(None)
        if name == "sprig":
            self.tokens.expect(".")
            function = self.tokens.next().text
            return self.function(f"sprig.{function}", _SPRIG.get(function))
        if self.tokens.peek().kind == "sign" and self.tokens.peek().text == "(":
            return self.function(name, _FUNCTIONS.get(name))
        if name not in _ROOTS:
            raise Untranslatable(f"there is no value `{name}`")
        return self.resolve(self.path(name))

    def path(self, name: str) -> str:
        """A dotted name, written with dots or brackets; `tasks` and `steps` may also be written `tasks['a']`."""
        while True:
            if self.tokens.peek().text in (".", "?.") and self.tokens.peek(1).kind == "name":
                if self.tokens.peek(2).text == "(":
                    break
                self.tokens.next()
                name += f".{self.tokens.next().text}"
            elif self.tokens.peek().text == "[" and self.tokens.peek(1).kind == "text":
                if self.tokens.peek(2).text != "]":
                    break
                self.tokens.next()
                name += f".{self.tokens.next().text}"
                self.tokens.next()
            else:
                break
        return name

    def function(self, name: str, ours: str | None) -> Cel:
        if ours is None or not self.tokens.sign("("):
            raise Untranslatable(f"the function `{name}` has no translation")
        arguments = [Cel(one) for one in self.arguments(")")]
        kinds = {"int": "number", "double": "number", "size": "number", "sum": "number"}
        texts = {"string", "json", "lower", "upper", "trim", "base64", "join", "sha256"}
        made = call(ours, *arguments)
        kind = kinds.get(ours) or ("text" if ours in texts else "any")
        return Cel(made.text, made.binds, kind)  # type: ignore[arg-type]  # both tables hold kinds alone
