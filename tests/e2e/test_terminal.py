"""What a person sees: the command line on a real terminal, as wide as terminals are."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from fcntl import ioctl
from termios import TIOCSWINSZ

from conductor.cli import output
from tests.e2e.running import Running, document

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
WAITS = {
    "items": {"call": "test.echo", "for_each": "${[1, 2, 3]}", "with": {"x": "${item}"}},
    "go": {"wait_for": {"signal": "go"}, "after": ["items"]},
}


class Terminal:
    """`symphony` in a terminal of its own."""

    def __init__(self, running: Running, *arguments: str, columns: int = 80) -> None:
        self._controller, terminal = pty.openpty()
        ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        env = {**os.environ, "SYMPHONY_DATA": str(running.system.layout.root), "TERM": "xterm-256color"}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            env.pop(name, None)
        command = [sys.executable, "-m", "conductor.cli", *arguments]
        self._process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=env)
        os.close(terminal)
        self._seen = ""

    def read(self, until: Callable[[str], bool] | None = None, timeout_s: float = 60) -> str:
        """Everything that was written, without colours, once a condition holds for it or the command has ended."""
        deadline = time.monotonic() + timeout_s
        while until is None or not until(self._seen):
            assert time.monotonic() < deadline, self._seen
            if not select.select([self._controller], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(self._controller, 65_536)
            except OSError:  # Linux says so where nobody holds the other side any more
                break
            self._seen += CONTROL.sub("", data.decode(errors="replace")).replace("\r", "")
        return self._seen

    def close(self) -> int:
        """The exit code."""
        code = self._process.wait(30)
        os.close(self._controller)
        return code


async def seen(running: Running, *arguments: str, columns: int = 80) -> str:
    """What a command that ends writes on a terminal."""

    def look() -> str:
        terminal = Terminal(running, *arguments, columns=columns)
        text = terminal.read()
        assert terminal.close() == 0, text
        return text

    return await asyncio.to_thread(look)


async def test_a_list_of_runs_fits_a_terminal_of_eighty_columns(shared_system: Running) -> None:
    ended = await shared_system.run(document(WAITS | {"go": {"call": "test.noop"}}, "terminal-list"))
    text = await seen(shared_system, "runs", "list", "--workflow", "terminal-list")
    line = next(line for line in text.splitlines() if ended.run in line)
    assert re.search(r"terminal-l\S*\s+succeeded\s+4\s+\S+ m?s\s+\d+[sm]", line), line
    assert max(map(len, text.splitlines())) <= 80
    assert "no runs that fit: `symphony run WORKFLOW`" in await seen(
        shared_system, "runs", "list", "--workflow", "nobody"
    )


async def test_a_run_that_is_watched_shows_where_it_stands(shared_system: Running) -> None:
    run = await shared_system.begin(document(WAITS, "terminal-watch", outputs={"all": "${tasks.items}"}))
    await shared_system.waits(run)
    terminal = Terminal(shared_system, "runs", "watch", run)
    drawn = await asyncio.to_thread(terminal.read, lambda text: "waiting" in text and "items" in text)
    assert re.search(r"items\s+0\s+3\s+0", drawn) and re.search(r"go\s+1\s+0\s+0\s+0", drawn), drawn
    shown = await seen(shared_system, "runs", "show", run)
    assert re.search(r"terminal-watch is waiting, [\d.]+ m?s so far \(4 tasks, 0 retried, 3 succeeded\)", shown), shown
    await shared_system.client.signal(run, "go")
    text = await asyncio.to_thread(terminal.read)
    assert terminal.close() == 0
    assert re.search(r"terminal-watch succeeded in \S+ m?s \(4 tasks, 0 retried", text), text
    assert '  all: [{"x":1},{"x":2},{"x":3}]' in text


async def test_a_trace_is_drawn_in_the_time_of_its_run(shared_system: Running) -> None:
    tasks = {
        "first": {"call": "time.sleep", "with": {"seconds": 0.2}},
        "second": {"call": "time.sleep", "with": {"seconds": 0.2}, "after": ["first"]},
    }
    ended = await shared_system.run(document(tasks, "terminal-trace"))
    text = await seen(shared_system, "runs", "trace", ended.run, columns=100)
    first, second = (next(line for line in text.splitlines() if f"task {name}" in line) for name in ("first", "second"))
    assert first.index("█") < first.rindex("█") <= second.index("█") < second.rindex("█"), text


async def test_an_error_of_a_task_stands_below_the_table(shared_system: Running) -> None:
    ended = await shared_system.run(document({"bad": {"call": "test.fail", "with": {"kind": "user"}}}, "terminal-bad"))
    text = await seen(shared_system, "runs", "show", ended.run)
    assert text.splitlines()[-1] == "bad: user: as asked", text


def test_values_and_moments_are_said_for_people() -> None:
    mark = {"$artifact": 1, "digest": "ab" * 32, "size": 4026, "media_type": "image/svg+xml"}
    assert output.value(mark) == f"artifact {'ab' * 32} (3.9 KiB, image/svg+xml)"
    assert output.value("plain") == "plain" and output.value({"a": [1, None]}) == '{"a":[1,null]}'
    assert output.moment(1_764_000_000_123) == "2025-11-24T16:00:00.123+00:00"
