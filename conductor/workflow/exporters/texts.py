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
    lines = text.split("\n")
    style = None
    if not all(line.isprintable() for line in lines):
        style = '"'  # some are line breaks to YAML (U+0085, U+2028): written out they would come back as others
    elif len(lines) > 1 and all(line == line.rstrip() for line in lines) and lines[0] and lines[0][0] != " ":
        style = "|"  # a block keeps neither trailing blanks nor a first line that is indented
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def to_json(document: dict[str, Any]) -> str:
    """The document as JSON with one entry a line."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def to_yaml(document: dict[str, Any]) -> str:
    """The document as YAML."""
    made: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return made
