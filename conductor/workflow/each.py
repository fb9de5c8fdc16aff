"""Maps: what a task goes over, and what stands for one of its items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conductor.workflow.reference import Reference, plain


@dataclass(frozen=True, slots=True)
class Each:
    """`for_each=` with the words that belong to it.

    `item` stands for an item (a list of them with `batch`), `index` for its place, from 0.
    """

    items: Any
    as_: str | None = None
    max_parallel: int | None = None
    batch: int | None = None
    min_success: str | None = None
    ordered: bool | None = None

    @property
    def item(self) -> Reference:
        """One item, inside the task that goes over them."""
        return Reference(self.as_ or "item")

    @property
    def index(self) -> Reference:
        """Its place in the list, from 0."""
        return Reference("index")

    def words(self) -> dict[str, Any]:
        """The words of the document."""
        given = {
            "as": self.as_,
            "max_parallel": self.max_parallel,
            "batch": self.batch,
            "min_success": self.min_success,
            "ordered": self.ordered,
        }
        return {"for_each": plain(self.items)} | {key: value for key, value in given.items() if value is not None}


def each(
    items: Any,
    *,
    as_: str | None = None,
    max_parallel: int | None = None,
    batch: int | None = None,
    min_success: str | None = None,
    ordered: bool | None = None,
) -> Each:
    """A map over a list, an object, `expr("range(3)")` or an artifact manifest::

    file = each(found.files, max_parallel=8)
    count = call("text.count", for_each=file, file=file.item)
    total = call("text.merge", counts=count.each.words)
    """
    return Each(items, as_, max_parallel, batch, min_success, ordered)
