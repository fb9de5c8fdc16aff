"""The conductor's two clocks, in milliseconds. They agree when the process begins, and until somebody sets the clock."""

from __future__ import annotations

import time

_BEGAN_MS, _BEGAN_AT = time.time_ns() // 1_000_000, time.monotonic()


def wall_ms() -> int:
    """The clock on the wall, which may jump: for what is compared with the log's time (the broker's), and for people."""
    return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """A clock that never jumps: for how long ago something was heard or sent, and for what expires after a while. When the
    wall's is set an hour ahead no lease has expired by that, and no worker has been silent."""
    return _BEGAN_MS + round((time.monotonic() - _BEGAN_AT) * 1000)
