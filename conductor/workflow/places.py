"""Where the parts of a document stand in its text."""

from __future__ import annotations

from typing import Any

import yaml

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Places:
    """Lines and columns of one text. It is parsed once, at the first question: a document may have many problems."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._root: Any = None
        self._parsed = False
        self._children: dict[int, dict[str, tuple[Any, Any]]] = {}

    def at(self, pointer: str) -> tuple[int, int]:
        """Line and column, from 1, of the node that a JSON pointer names, or of its nearest ancestor; (0, 0) if none."""
        node = self._document()
        if node is None:
            return 0, 0
        mark = node.start_mark
        for raw in pointer.split("/")[1:]:
            part = raw.replace("~1", "/").replace("~0", "~")
            step = self._child(node, part)
            if step is None:
                break
            mark, node = step
        return mark.line + 1, mark.column + 1

    def _document(self) -> Any:
        if not self._parsed:
            self._parsed = True
            try:
                self._root = yaml.compose(self._text, Loader=LOADER)
            except (yaml.YAMLError, RecursionError):
                self._root = None
        return self._root

    def _child(self, node: Any, part: str) -> tuple[Any, Any] | None:
        """Where a member is named, and what it is."""
        if isinstance(node, yaml.MappingNode):
            # Nodes live as long as the root that is kept here: an identity is not given twice.
            known = self._children.get(id(node))
            if known is None:
                known = {key.value: (key.start_mark, value) for key, value in reversed(node.value)}
                self._children[id(node)] = known
            return known.get(part)
        if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            child = node.value[int(part)]
            return child.start_mark, child
        return None
