"""A document as YAML or JSON that reads back as exactly the same one, keys in the same order."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml


class _Dumper(yaml.SafeDumper):
    """Block style, no anchors; texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # A block keeps neither trailing blanks nor characters that YAML does not print.
    plain = all(line == line.rstrip() and line.isprintable() for line in text.split("\n"))
    style = "|" if "\n" in text.rstrip("\n") and plain and not text.startswith((" ", "\n")) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def to_json(document: dict[str, Any]) -> str:
    """The document as JSON with one entry a line."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def to_yaml(document: dict[str, Any]) -> str:
    """The document as YAML."""
    made: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return made
