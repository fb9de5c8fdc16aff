"""The suite of every place for packs (`artifact-store/tests/backends.rs`), on a server that speaks S3: moto's."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest

from tests.shared import ROOT

moto = pytest.importorskip("moto.server", reason="moto is not installed: `make s3` brings it")
pytestmark = [
    pytest.mark.slow,  # it builds the client of S3, which takes minutes
    pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not here"),
]
BUCKET = "packs"


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server with one bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 30
        while True:
            try:
                make = urllib.request.Request(f"{address}/{BUCKET}", method="PUT")
                with urllib.request.urlopen(make, timeout=5):
                    break
            except OSError:
                assert time.monotonic() < until and process.poll() is None, "moto's server did not come up"
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def test_packs_in_s3_keep_what_every_place_promises(server: str) -> None:
    told = {
        "SYMPHONY_TEST_S3": f"s3://{BUCKET}/some/prefix",
        "AWS_ENDPOINT_URL": server,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "CARGO_INCREMENTAL": "0",
    }
    words = [
        "cargo",
        "test",
        "--locked",
        "--package",
        "symphony-artifact-store",
        "--features",
        "s3",
        "--test",
        "backends",
    ]
    done = subprocess.run(
        [*words, "--", "s3"], cwd=ROOT, env=os.environ | told, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
