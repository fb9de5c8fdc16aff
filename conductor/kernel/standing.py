"""Which partitions one may take: a fair share while everybody lives, and more where nobody else does. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

GRACE_LOOKS = 2
"""Looks at which a free partition must have been free before one takes more than its share."""
GONE_LOOKS = 2
"""Looks at which nobody listened to a holder before it counts as gone: a connection that breaks comes back within one."""


def share(partitions: int, members: int) -> int:
    """How many of `partitions` one of `members` holds at most while all of them live."""
    return max(-(-partitions // max(members, 1)), 1)


@dataclass(slots=True)
class Standing:
    """What is known of the partitions that are not ours."""

    holders: dict[int, str] = field(default_factory=dict)
    free: dict[int, int] = field(default_factory=dict)
    silent: dict[str, int] = field(default_factory=dict)

    def seen(self, partition: int, holder: str | None) -> None:
        """Who holds a partition at this look."""
        if holder is None:
            self.holders.pop(partition, None)
            self.free[partition] = self.free.get(partition, 0) + 1
        else:
            self.free.pop(partition, None)
            self.holders[partition] = holder

    def ours(self, partition: int) -> None:
        """We hold it now."""
        self.holders.pop(partition, None)
        self.free.pop(partition, None)

    def heard(self, silent: set[str]) -> None:
        """To which holders nobody listened at this look."""
        self.silent = {holder: self.silent.get(holder, 0) + 1 for holder in silent}

    def gone(self, partition: int) -> str | None:
        """The holder of a partition, where its connection is known to be closed."""
        holder = self.holders.get(partition)
        return holder if holder is not None and self.silent.get(holder, 0) >= GONE_LOOKS else None

    def may_take(self, partition: int, held: int, fair: int) -> bool:
        """Whether to try now, `held` partitions being ours and `fair` a fair share."""
        if self.gone(partition) is not None:
            return True
        return self.free.get(partition, 0) > (GRACE_LOOKS if held >= fair else 0)
