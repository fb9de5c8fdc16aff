"""Whether the Pool Manager that started this process is still there.

Its successor starts another process under the same name, and two would both do what is sent to that name.
"""

from __future__ import annotations

import os

POOL_PID = "SYMPHONY_POOL_PID"
"""Where a Pool Manager says who it is: a process may lose its parent before it has looked."""


class Starter:
    """Whoever started this process: the one that the environment names, else the parent."""

    def __init__(self) -> None:
        said = os.environ.get(POOL_PID, "")
        self._pid = int(said) if said.isdigit() else os.getppid()
        self._direct = self._pid == os.getppid()  # else there is a script between the two, or it is gone already

    @property
    def gone(self) -> bool:
        """Cheap enough to be asked before every message of tasks."""
        if self._direct:
            return os.getppid() != self._pid
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False  # it is there, and somebody else's
        return False
