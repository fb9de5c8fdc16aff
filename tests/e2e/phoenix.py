"""A real trace back end for tests: Arize Phoenix from the package registry, in an environment of its own."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path
from typing import Any

import pytest

from conductor.embedded.broker import free_port

VERSION = "19.1.0"
START_PATIENCE_S = 90


def python() -> Path:
    """The interpreter of an environment that has Phoenix; made once on a machine. Skips where no registry answers."""
    folder = Path(os.environ.get("SYMPHONY_PHOENIX", Path(tempfile.gettempdir()) / f"symphony-phoenix-{VERSION}"))
    # Test processes begin together: one of them installs, and the others wait for it.
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _installed(folder)


def _installed(folder: Path) -> Path:
    found = folder / "bin" / "python"
    done = folder / "installed"
    if done.exists():
        return found
    venv.create(folder, with_pip=True, clear=True)
    command = [found, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"arize-phoenix=={VERSION}"]
    installed = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if installed.returncode != 0:
        pytest.skip(f"arize-phoenix {VERSION} cannot be installed here: {installed.stderr.strip().splitlines()[-1:]}")
    done.touch()
    return found


class Phoenix:
    """A running Phoenix; `with Phoenix(folder) as phoenix`."""

    def __init__(self, folder: Path) -> None:
        self._python = python()
        self._folder = folder
        self.port = free_port(None)
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Phoenix:
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
            "PHOENIX_WORKING_DIR": str(self._folder),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(self.port),
            "PHOENIX_GRPC_PORT": str(free_port(None)),
            "PHOENIX_TELEMETRY_ENABLED": "false",
        }
        command = [self._python.with_name("phoenix"), "serve"]
        log = (self._folder / "phoenix.log").open("wb")
        self._process = subprocess.Popen(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        deadline = time.monotonic() + START_PATIENCE_S
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2):
                    return self
            except (urllib.error.URLError, OSError):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise AssertionError((self._folder / "phoenix.log").read_text()[-2000:]) from None
                time.sleep(0.2)

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """The spans of a trace, as the back end's own API tells them."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            query = f"limit=500&trace_id={trace_id}{cursor}"
            with urllib.request.urlopen(f"{self.url}/v1/projects/default/spans?{query}", timeout=10) as reply:
                page = json.load(reply)
            found += [span for span in page["data"] if span["context"]["trace_id"] == trace_id]
            if not page.get("next_cursor"):
                return found
            cursor = f"&cursor={page['next_cursor']}"


assert sys.version_info >= (3, 11)
