"""Checks of the pages: links lead somewhere, files that ARCHITECTURE.md names are there, the metrics are those of the code.

`make docs` runs it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]


def broken_links() -> list[str]:
    """Relative links of a page that lead nowhere."""
    found = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                found.append(f"{page.relative_to(ROOT)}: {target} leads nowhere")
    return found


def missing_files() -> list[str]:
    """Paths in ARCHITECTURE.md that are not in the tree."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    places = re.findall(r"`((?:conductor|extensions-rs|schemas|tests|examples|docs)/[\w./-]+)`", text)
    return [f"ARCHITECTURE.md: there is no {place}" for place in places if not (ROOT / place).exists()]


def uncounted() -> list[str]:
    """Metrics that are in the code and not in the page, or the other way round."""
    page = set(
        re.findall(r"^\| `(symphony_\w+?)(?:_total)?` ", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE)
    )
    code: set[str] = set()
    for path in (ROOT / "conductor" / "observe" / "metrics.py", ROOT / "extensions-rs" / "sdk" / "src" / "metrics.rs"):
        code |= {name.removesuffix("_total") for name in re.findall(r'"(symphony_\w+)"', path.read_text())}
    return [f"docs/metrics.md: {name} is on one side only" for name in sorted(page ^ code)]


def main() -> None:
    """Print what is wrong, one line each; exit code 1 where anything is."""
    found = broken_links() + missing_files() + uncounted()
    for line in found:
        print(line)
    print(f"{len(PAGES)} pages: {'all links lead somewhere' if not found else f'{len(found)} mistakes'}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
