"""Measures the Artifact Store by its example `figures`, with versions of this tree, and writes docs/results/store.md.

The versions are `tar` archives of the tree at its last commits, as `git archive` makes them.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "results" / "store.md"
VERSIONS = 30
HEAD = """# The Artifact Store

Made by `make store`; nothing here is written by hand. A development build (`opt-level = 2`), in process, without the bus;
each figure beside a floor of the same minute where there is one. The versions are `tar` archives of this tree at its last
{versions} commits, stored one after the other; the last rows say what they take.

"""


def run(*words: str) -> str:
    """What a command says; raises where it fails."""
    found = shutil.which(words[0])
    if found is None:
        raise SystemExit(f"{words[0]} was not found")
    return subprocess.run([found, *words[1:]], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=1_000_000, help="how many blobs of 200 bytes")
    parser.add_argument("--large", type=int, default=256, help="MiB of the large blob")
    parser.add_argument("--versions", type=int, default=VERSIONS)
    parser.add_argument("--work", type=Path, help="a folder on the disk that is measured")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        place = Path(folder)
        files = []
        for number, commit in enumerate(reversed(run("git", "log", "--format=%H", f"-{given.versions}").split())):
            file = place / f"version-{number:03}.tar"
            run("git", "archive", "--output", str(file), commit)
            files.append(str(file))
        words = ["--locked", "--quiet", "--package", "symphony-artifact-store", "--example", "figures", "--"]
        sizes = [str(given.small), str(given.large)]
        made = run("cargo", "run", *words, str(place / "store"), *sizes, *files)
    PAGE.write_text(HEAD.format(versions=len(files)) + made)
    print(f"{PAGE.relative_to(ROOT)} is written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
