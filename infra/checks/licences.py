"""Refuses a dependency whose licence is not on the list, in both languages.

Reads `cargo metadata` and the installed distributions, so that it needs no network. Advisories need a database that is
fetched; `cargo deny check advisories` (see deny.toml) does that where a network is to be had.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata

ALLOWED = {
    "0BSD",
    "APACHE-2.0",
    "APACHE-2.0 WITH LLVM-EXCEPTION",
    "BSD-2-CLAUSE",
    "BSD-3-CLAUSE",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-PERMISSIVE-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OPENSSL",
    "PSF-2.0",
    "PYTHON-2.0",
    "UNICODE-3.0",
    "UNLICENSE",
    "ZLIB",
}
CLASSIFIERS = {
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "ISC License (ISCL)": "ISC",
}
WORDS = {
    "MIT License": "MIT",
    "Apache License 2.0": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
}


def allowed(expression: str) -> bool:
    """Whether an SPDX expression can be met with allowed licences only."""
    text = expression.replace("/", " OR ").strip()
    while text.startswith("(") and text.endswith(")") and text.count("(") == 1:
        text = text[1:-1]
    if " AND " in text and "(" not in text:
        return all(allowed(part) for part in text.split(" AND "))
    choices = re.split(r"\s+OR\s+", text.replace("(", "").replace(")", ""))
    return any(all(part.strip().upper() in ALLOWED for part in choice.split(" AND ")) for choice in choices)


def rust() -> list[tuple[str, str]]:
    """Name and licence of every crate that is linked or used to build."""
    output = subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version", "1"],  # noqa: S607 - cargo is where PATH says
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return [(p["name"], p["license"] or "none stated") for p in json.loads(output)["packages"]]


def python() -> list[tuple[str, str]]:
    """Name and licence of every installed distribution."""
    found = []
    for distribution in metadata.distributions():
        about = distribution.metadata
        licence = about.get("License-Expression")
        classifiers = [c.split(" :: ")[-1] for c in about.get_all("Classifier", []) if c.startswith("License ::")]
        known = [CLASSIFIERS[c] for c in classifiers if c in CLASSIFIERS]
        text = licence or " AND ".join(known) or WORDS.get(about.get("License", ""), about.get("License", ""))
        found.append((str(about["Name"]), str(text).splitlines()[0] if text else "none stated"))
    return found


def main() -> int:
    bad = [(name, licence) for name, licence in rust() + python() if not allowed(licence)]
    for name, licence in bad:
        print(f"{name}: licence {licence!r} is not on the list in infra/checks/licences.py", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
