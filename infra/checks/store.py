"""Measures the Artifact Store by its example `figures`, with versions of this tree, and writes docs/results/store.md.

The versions are those of the tree at its last commits.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "results" / "store.md"
VERSIONS = 30
FILE = "schemas/messages.schema.json"
HEAD = """# The Artifact Store

Made by `make store`; nothing here is written by hand. A development build (`opt-level = 2`), in process, without the bus;
each figure beside a floor of the same minute where there is one. Rates of the large blob are the best of three rounds, in
turns with their floors. The goal for it is half of the disk's rate and half of memory's; what it costs beyond that is
finding the cuts, and a digest of the whole and of each chunk, on one core.

The versions are those of this tree at its last {versions} commits, stored one after the other: as `tar` archives as
`git archive` makes them, which write the time of the commit before every file; the same with one time for all; and
one file, the schema of the messages. What changes every few hundred bytes shares nothing, whatever cuts it.

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
        commits = run("git", "log", "--format=%H", f"-{given.versions}").split()[::-1]
        archives = [archive(place, commit, number) for number, commit in enumerate(commits)]
        series = {
            "archives": archives,
            "archives with one time": [timed(place, archived) for archived in archives],
            FILE: one_file(place, given.versions),
        }
        words = [word for name, files in series.items() for word in (f"={name}", *map(str, files))]
        cargo = ("--locked", "--quiet", "--package", "symphony-artifact-store", "--example", "figures", "--")
        made = run("cargo", "run", *cargo, str(place / "store"), str(given.small), str(given.large), *words)
    PAGE.write_text(HEAD.format(versions=given.versions) + made)
    print(f"{PAGE.relative_to(ROOT)} is written")
    return 0


def archive(place: Path, commit: str, number: int) -> Path:
    """The tree of a commit as a `tar` archive."""
    file = place / f"plain-{number:03}.tar"
    run("git", "archive", "--output", str(file), commit)
    return file


def timed(place: Path, archived: Path) -> Path:
    """The same archive with one time for all of its files."""
    file = place / f"timed-{archived.name}"
    with tarfile.open(archived) as old, tarfile.open(file, "w") as new:
        for member in old:
            member.mtime, member.pax_headers = 0, {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    return file


def one_file(place: Path, versions: int) -> list[Path]:
    """The last versions of one file of the tree."""
    files = []
    for number, commit in enumerate(run("git", "log", "--format=%H", f"-{versions}", "--", FILE).split()[::-1]):
        file = place / f"file-{number:03}"
        file.write_text(run("git", "show", f"{commit}:{FILE}"))
        files.append(file)
    return files


if __name__ == "__main__":
    sys.exit(main())
