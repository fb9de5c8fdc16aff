"""The Rust form of the messages, made from the Python one: `extensions-rs/protocol/src/messages/`.

One struct becomes one struct of the same name with serde's derives, defaults for what may be absent, and a `check` that
refuses what the bounds refuse. Tagged unions become enums that are read without buffering.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import msgspec
import msgspec.inspect as mi

from conductor.wire import registry

HEADER = "// Made by `symphony schemas emit` from conductor/wire. Change it there.\n"
_U32, _U8 = 2**32 - 1, 255
_KEYWORDS = {"try": "r#try", "type": "r#type", "is": "is"}
_LITERALS: dict[tuple[str, ...], str] = {}
_UNION_TAGS = {frozenset(member.__name__ for member in union.__args__): name for name, union in registry.UNIONS.items()}


def modules() -> dict[str, str]:
    """File name to Rust source, for every module of messages and `mod.rs`."""
    files = {f"{_short(module)}.rs": _module(module) for module in registry.MODULES}
    files["reencode.rs"] = _reencode()
    names = [*(_short(module) for module in registry.MODULES), "reencode"]
    body = "".join(f"pub mod {name};\n" for name in names) + "".join(f"pub use {name}::*;\n" for name in names)
    files["mod.rs"] = HEADER + "\n//! Every message of the mesh.\n\n" + body
    return files


def _reencode() -> str:
    """One message decoded and encoded again, by its name: what tests hold the codecs together by."""
    arms = "".join(f'        "{name}" => again::<{name}>(data),\n' for name in sorted(registry.messages()))
    return (
        HEADER
        + "\n//! A message decoded and encoded again, by its name: what holds the codecs of the mesh together.\n\n"
        + "use serde::{Serialize, de::DeserializeOwned};\n\nuse super::*;\nuse crate::check::Bounded;\n"
        + "use crate::codec::{WireError, decode, encode};\n\n"
        + "/// The bytes that this codec writes for a message that it read; None: there is no message of this name.\n"
        + "pub fn reencode(name: &str, data: &[u8]) -> Option<Result<Vec<u8>, WireError>> {\n    Some(match name {\n"
        + arms
        + "        _ => return None,\n    })\n}\n\n"
        + "fn again<T: DeserializeOwned + Bounded + Serialize>(data: &[u8]) -> Result<Vec<u8>, WireError> {\n"
        + "    encode(&decode::<T>(data)?)\n}\n"
    )


def _short(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def _module(module: ModuleType) -> str:
    text = (module.__doc__ or "").strip().splitlines()[0]
    parts = [
        HEADER,
        f"\n//! {text}\n\n#![allow(clippy::derivable_impls, unused_imports)]\n\nuse std::collections::BTreeMap;\n\n"
        "use serde::{Deserialize, Serialize};\n\nuse crate::check::{self, Bounded, Verdict};\n"
        "use crate::payload::{Payload, Token, Trace};\nuse crate::values::Value;\nuse super::*;\n",
    ]
    unions = {name: union for name, union in registry.UNIONS.items() if union.__args__[0].__module__ == module.__name__}
    for struct in registry.structs(module):
        parts.append(_struct(struct))
    parts.extend(_union(name, union) for name, union in unions.items())
    return "\n".join(parts)


def _struct(struct: type[msgspec.Struct]) -> str:
    info = mi.type_info(struct)
    assert isinstance(info, mi.StructType)
    name = struct.__name__
    out: list[str] = []
    fields, defaults, checks = [], [], []
    helpers: list[str] = []
    for field in info.fields:
        rust = _type(field.type, name, field.encode_name, helpers)
        ident = _ident(field.encode_name)
        attribute = ""
        value = "Default::default()"
        if not field.required:
            value = _default(field, rust)
            if value == "Default::default()":
                attribute = "    #[serde(default)]\n"
            else:
                path = f"default_{_snake(name)}_{field.encode_name}"
                helpers.append(f"fn {path}() -> {rust} {{\n    {value}\n}}\n")
                attribute = f'    #[serde(default = "{path}")]\n'
                value = f"{path}()"
        elif _first(field.type) != "Default::default()":
            value = _first(field.type)
        fields.append(f"{attribute}    pub {ident}: {rust},\n")
        defaults.append(f"            {ident}: {value},\n")
        checks.extend(_checks(field.type, f"self.{ident}", field.encode_name))
    out.extend(helpers)
    out.append(_doc(struct))
    out.append(
        "#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]\n"
        f"pub struct {name} {{\n{''.join(fields)}}}\n\n"
        f"impl Default for {name} {{\n    fn default() -> Self {{\n        Self {{\n{''.join(defaults)}        }}\n    }}\n}}\n\n"
    )
    body = "".join(f"        {line}\n" for line in checks)
    out.append(f"impl Bounded for {name} {{\n    fn check(&self) -> Verdict {{\n{body}        Ok(())\n    }}\n}}\n")
    return "".join(out)


def _union(name: str, union: Any) -> str:
    """An enum tagged by `is`. Reading goes through a struct of all fields, so that nothing is buffered."""
    members = [(m, m.__struct_config__.tag) for m in union.__args__]
    variants = "".join(f'    #[serde(rename = "{tag}")]\n    {m.__name__}({m.__name__}),\n' for m, tag in members)
    fields: dict[str, str] = {}
    arms = []
    for member, tag in members:
        info = mi.type_info(member)
        assert isinstance(info, mi.StructType)
        lines = []
        for field in info.fields:
            rust = _type(field.type, member.__name__, field.encode_name, [])
            ident = _ident(field.encode_name)
            optional = rust.startswith("Option<")
            fields.setdefault(ident, rust if optional else f"Option<{rust}>")
            if optional:
                lines.append(f"            {ident}: raw.{ident},\n")
            elif field.required:
                lines.append(f'            {ident}: raw.{ident}.ok_or("missing field `{field.encode_name}`")?,\n')
            else:
                lines.append(
                    f"            {ident}: raw.{ident}.unwrap_or_else(|| {member.__name__}::default().{ident}),\n"
                )
        arms.append(
            f'        "{tag}" => Ok({name}::{member.__name__}({member.__name__} {{\n{"".join(lines)}        }})),\n'
        )
    raw_fields = "".join(f"    #[serde(default)]\n    {ident}: {rust},\n" for ident, rust in fields.items())
    first = members[0][0].__name__
    checks = "".join(f"            {name}::{m.__name__}(inner) => inner.check(),\n" for m, _ in members)
    return (
        f"/// Tagged by `is`.\n#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]\n"
        f'#[serde(tag = "is", try_from = "Raw{name}")]\npub enum {name} {{\n{variants}}}\n\n'
        f"#[derive(Deserialize)]\nstruct Raw{name} {{\n    is: String,\n{raw_fields}}}\n\n"
        f"impl TryFrom<Raw{name}> for {name} {{\n    type Error = &'static str;\n\n"
        f"    fn try_from(raw: Raw{name}) -> Result<Self, Self::Error> {{\n        match raw.is.as_str() {{\n{''.join(arms)}"
        f'        _ => Err("unknown tag"),\n        }}\n    }}\n}}\n\n'
        f"impl Default for {name} {{\n    fn default() -> Self {{\n        {name}::{first}({first}::default())\n    }}\n}}\n\n"
        f"impl Bounded for {name} {{\n    fn check(&self) -> Verdict {{\n        match self {{\n{checks}        }}\n    }}\n}}\n"
    )


def _doc(struct: type) -> str:
    lines = (struct.__doc__ or "").strip().splitlines()
    return "".join(f"/// {line.strip()}".rstrip() + "\n" for line in lines)


def _ident(name: str) -> str:
    return _KEYWORDS.get(name, name)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.replace(".", "_").split("_"))


def _bare(kind: Any) -> Any:
    return kind.type if isinstance(kind, mi.Metadata) else kind


def _type(kind: Any, owner: str, field: str, helpers: list[str]) -> str:
    kind = _bare(kind)
    match kind:
        case mi.IntType():
            top = kind.le if kind.le is not None else (kind.lt - 1 if kind.lt is not None else None)
            if kind.ge is None:
                return "i64"
            return "u8" if top is not None and top <= 9 else "u32" if top is not None and top <= _U32 else "u64"
        case mi.FloatType():
            return "f64"
        case mi.BoolType():
            return "bool"
        case mi.StrType():
            return "String"
        case mi.BytesType():
            return {25: "Trace", 16: "Token"}.get(kind.min_length or 0, "Payload")
        case mi.AnyType():
            return "Value"
        case mi.ListType():
            return f"Vec<{_type(kind.item_type, owner, field, helpers)}>"
        case mi.DictType():
            return f"BTreeMap<String, {_type(kind.value_type, owner, field, helpers)}>"
        case mi.StructType():
            return str(kind.cls.__name__)
        case mi.LiteralType():
            return _literal(kind, owner, field, helpers)
        case mi.UnionType():
            inner = [t for t in kind.types if not isinstance(_bare(t), mi.NoneType)]
            if len(inner) > 1:
                return _UNION_TAGS[frozenset(_bare(t).cls.__name__ for t in inner)]
            return f"Option<{_type(inner[0], owner, field, helpers)}>"
    raise TypeError(f"{owner}.{field}: {kind!r} has no Rust form")


def _literal(kind: mi.LiteralType, owner: str, field: str, helpers: list[str]) -> str:
    values = tuple(str(v) for v in kind.values)
    known = _LITERALS.get(values)
    name = known or ("TypeName" if "directory" in values else f"{owner}{_camel(field)}")
    _LITERALS[values] = name
    home = "Parameter" if name == "TypeName" else owner
    if home == owner and name.startswith((owner, "TypeName")):
        variants = "".join(
            f'    {"#[default]" if i == 0 else ""}\n    #[serde(rename = "{v}")]\n    {_camel(v)},\n'
            for i, v in enumerate(values)
        )
        names = "".join(f'            Self::{_camel(v)} => "{v}",\n' for v in values)
        text = (
            f"/// The values of `{owner}.{field}`.\n"
            "#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]\n"
            f"pub enum {name} {{\n{variants}}}\n\n"
            f"impl {name} {{\n    /// The word as messages carry it.\n    pub fn as_str(self) -> &'static str {{\n"
            f"        match self {{\n{names}        }}\n    }}\n}}\n\n"
        )
        if text not in helpers:
            helpers.append(text)
    return name


def _first(kind: Any) -> str:
    """The value of a required field in Rust's `Default`: the smallest that the bounds allow."""
    bare = _bare(kind)
    if isinstance(bare, mi.IntType) and bare.ge:
        return str(bare.ge)
    return "Default::default()"


def _default(field: mi.Field, rust: str) -> str:
    value = field.default
    if value is msgspec.NODEFAULT:
        value = field.default_factory()
    if isinstance(value, msgspec.Struct) or value is None or value in ("", [], {}):
        return "Default::default()"
    if value is True:
        return "true"
    if value is False:
        return "Default::default()"
    if isinstance(value, bytes):
        return "Default::default()" if not value else f"Payload::from_static(&{list(value)!r})"
    if isinstance(value, int) and rust == "f64":
        value = float(value)
    if isinstance(value, float):
        assert math.isfinite(value)
        return "Default::default()" if value == 0 else repr(value)
    if isinstance(value, int):
        return "Default::default()" if value == 0 else str(value)
    kind = _bare(field.type)
    if isinstance(kind, mi.LiteralType):
        return f"{rust}::{_camel(str(value))}"
    return f'"{value}".to_owned()'


_PATTERNS = {"^[0-9a-f]{32}$": "run_id", "^[0-9a-f]{64}$": "digest", "^[0-9a-f]{0,64}$": "digest_prefix"}


def _checks(kind: Any, path: str, label: str, depth: int = 0) -> list[str]:
    kind = _bare(kind)
    var = f"item{depth}"
    reference = path if path.startswith("item") else f"&{path}"
    value = f"*{path}" if path.startswith("item") else path
    match kind:
        case mi.StrType(min_length=low, max_length=high, pattern=pattern):
            if pattern in _PATTERNS:
                return [f'check::{_PATTERNS[pattern]}("{label}", {reference})?;']
            lines = [f'check::capability("{label}", {reference})?;'] if pattern else []
            if high is not None:
                lines.append(f'check::text("{label}", {reference}, {low or 0}, {high})?;')
            return lines
        case mi.BytesType(max_length=high) if high and kind.min_length is None:
            return [f'check::bytes("{label}", {path}.len(), {high})?;']
        case mi.IntType():
            return _range(kind, value, label)
        case mi.FloatType():
            return [f'check::finite("{label}", {value})?;']
        case mi.ListType(item_type=item, max_length=high, min_length=low):
            lines = [f'check::count("{label}", {path}.len(), {low or 0}, {high})?;'] if high else []
            inner = _checks(item, var, label, depth + 1)
            return lines + _loop(f"for {var} in {reference}", inner)
        case mi.DictType(value_type=item, max_length=high):
            lines = [f'check::count("{label}", {path}.len(), 0, {high})?;'] if high else []
            inner = _checks(item, var, label, depth + 1)
            return lines + _loop(f"for {var} in {path}.values()", inner)
        case mi.StructType():
            return [f"{path}.check()?;"]
        case mi.UnionType():
            inner_types = [t for t in kind.types if not isinstance(_bare(t), mi.NoneType)]
            if len(inner_types) > 1:
                return [f"{path}.check()?;"]
            inner = _checks(inner_types[0], var, label, depth + 1)
            return _loop(f"if let Some({var}) = {reference}", inner)
    return []


def _loop(head: str, inner: list[str]) -> list[str]:
    return [f"{head} {{", *(f"    {line}" for line in inner), "}"] if inner else []


def _range(kind: mi.IntType, value: str, label: str) -> list[str]:
    if kind.ge is None:
        return []
    high = kind.le if kind.le is not None else (kind.lt - 1 if kind.lt is not None else 2**63 - 1)
    if high == _U32 and not kind.ge:
        return []
    return [f'check::range("{label}", {value}, {kind.ge}, {high})?;']
