"""Takes each of the design's fifteen rules out of the code, one at a time, and looks whether the test that names it fails.

`python infra/checks/rules.py` does all of them (`make rules`); numbers after it, those rules alone. It changes one file of
the tree at a time and puts it back; it prints a row of a table for each, and ends with 1 where a test did not notice.
Rust is built anew for each removal, which takes minutes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRACKER = "extensions-rs/dag-tracker/src"
KERNEL = "conductor/kernel"
ARBITRATION = "extensions-rs/arbitration-manager/src"
TIME_S = 1200


@dataclass(frozen=True)
class Removal:
    """`old` stands once in `file`; with `new` in its place the rule is gone, and `test` has to fail.

    `test` is a crate, a test file of it and a name (Rust), or a file and a name (Python).
    """

    rule: int
    what: str
    file: str
    old: str
    new: str
    test: tuple[str, ...]

    @property
    def command(self) -> list[str]:
        """What runs the test alone."""
        if self.test[0].endswith(".py"):
            file, name = self.test
            return [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", file, "-k", name]
        crate, file, name = self.test
        where = ["--lib"] if file == "lib" else ["--test", file]
        return ["cargo", "test", "--locked", "--quiet", "--package", crate, *where, name]


RUST = ("symphony-dag-tracker", "rules")
REMOVALS = (
    Removal(
        1,
        "a result of any generation and try is the current one",
        f"{TRACKER}/core/fold/life.rs",
        "let current = exec.generation == result.generation && exec.r#try == result.r#try;",
        "let current = true;",
        (*RUST, "rule_1_a_failure_counts_once"),
    ),
    Removal(
        2,
        "the token is not compared",
        f"{TRACKER}/core/fold/results.rs",
        "if dispatch_token(&key, &input) != result.token.0 {",
        "if dispatch_token(&key, &input) != result.token.0 && result.run.is_empty() {",
        (*RUST, "rule_2_"),
    ),
    Removal(
        3,
        "every epoch is the owner's",
        f"{TRACKER}/core/fold/mod.rs",
        "self.owner.as_ref().is_some_and(|owner| owner.epoch == epoch)",
        "self.owner.as_ref().is_some_and(|owner| owner.epoch == epoch || epoch > 0)",
        (*RUST, "rule_3_"),
    ),
    Removal(
        4,
        "an older emitter is listened to",
        f"{KERNEL}/partition.py",
        "if message.epoch < self.emitter_epoch:",
        "if message.epoch < 0:",
        ("tests/conductor/kernel/test_partition.py", "rule_4"),
    ),
    Removal(
        5,
        "gaps are not noticed",
        f"{KERNEL}/partition.py",
        "if message.epoch > self.emitter_epoch or message.sequence != expected:",
        "if message.epoch > self.emitter_epoch:",
        ("tests/conductor/kernel/test_partition.py", "rule_5"),
    ),
    Removal(
        6,
        "what is stored and not folded counts as lost",
        f"{KERNEL}/recovery.py",
        "return folded.get(slot[0], 0) >= execution.missing_since",
        "return True",
        ("tests/conductor/kernel/test_recovery.py", "rule_6"),
    ),
    Removal(
        7,
        "a new owner does not adopt what workers hold",
        f"{KERNEL}/takeover.py",
        "if held.partition == self.partition:",
        "if held.partition < 0:",
        ("tests/conductor/kernel/test_standing.py", "rule_7"),
    ),
    Removal(
        8,
        "the intake drops its oldest in place of refusing",
        "schemas/streams.toml",
        'discard = "new"\nmax_bytes = 2147483648',
        'discard = "old"\nmax_bytes = 2147483648',
        ("tests/contract/test_bounds.py", "rule_8"),
    ),
    Removal(
        8,
        "a full log's word of no lag is believed",
        f"{KERNEL}/room.py",
        'upto = min(copied, state["last_seq"] - live)',
        'upto = state["last_seq"] - live',
        ("tests/contract/test_room.py", "what_was_acknowledged_waits"),
    ),
    Removal(
        9,
        "a run that is known is begun again",
        f"{TRACKER}/core/fold/mod.rs",
        "        if let Some(known) = known {\n            if known != print {",
        "        if let Some(known) = known.filter(|_| submit.run.is_empty()) {\n            if known != print {",
        (*RUST, "rule_9_"),
    ),
    Removal(
        10,
        "a snapshot's digest is not compared",
        f"{TRACKER}/snapshot/file.rs",
        "if stated != digest(format, header, rest).as_bytes() {",
        "if stated != digest(format, header, rest).as_bytes() && data.is_empty() {",
        ("symphony-dag-tracker", "recovery", "rule_10_a_damaged"),
    ),
    Removal(
        11,
        "a lock that is held is granted once more",
        f"{ARBITRATION}/core/ledger.rs",
        "first.filter(|_| used > of)",
        "first.filter(|_| used > u32::MAX - of)",
        ("symphony-arbitration-manager", "desk", "rule_11_a_lock"),
    ),
    Removal(
        11,
        "the ledger is written whoever wrote to it before",
        f"{ARBITRATION}/ledger.rs",
        "headers.insert(NATS_EXPECTED_LAST_SEQUENCE, folded.to_string().as_str());",
        'headers.insert("Passed-Over", folded.to_string().as_str());',
        ("symphony-arbitration-manager", "ledger", "rule_11_of_two"),
    ),
    Removal(
        11,
        "what a state of the ledger says is passed over",
        f"{ARBITRATION}/holds.rs",
        "self.desk().reset(sequence, state);",
        "self.desk().skip(sequence);",
        ("symphony-arbitration-manager", "ledger", "rule_11_what_was_granted"),
    ),
    Removal(
        12,
        "fold time goes where the broker's clock goes",
        f"{TRACKER}/core/fold/mod.rs",
        "self.context.time_ms = self.context.time_ms.max(broker_time_ms);",
        "self.context.time_ms = broker_time_ms;",
        (*RUST, "rule_12_"),
    ),
    Removal(
        12,
        "a version that is not known is folded on",
        f"{TRACKER}/core/fold/version.rs",
        "&& told.version > self.options.supports",
        "&& told.version > u32::MAX - 1",
        ("symphony-dag-tracker", "golden", "rule_12_a_program"),
    ),
    Removal(
        13,
        "a panic over one run is not caught",
        f"{TRACKER}/core/fold/quarantine.rs",
        "match catch_unwind(AssertUnwindSafe(|| work(run, context, effects))) {",
        "match Ok::<T, Box<dyn Any + Send>>(work(run, context, effects)) {",
        (*RUST, "rule_13_a_panic"),
    ),
    Removal(
        14,
        "a cancel ends a run that has ended",
        f"{TRACKER}/core/fold/mod.rs",
        "Some(run) if !run.status.ended() => {",
        "Some(run) if run.broken.is_none() => {",
        (*RUST, "rule_14_"),
    ),
    Removal(
        14,
        "a cancel that a heartbeat shows to be unheard is not repeated",
        f"{KERNEL}/recovery.py",
        "found.unwanted.append(slot)  # rule 14: told again for as long as it is seen",
        "pass",
        ("tests/conductor/kernel/test_recovery.py", "rule_14"),
    ),
    Removal(
        15,
        "a plain client's attempts have no time",
        f"{KERNEL}/recovery.py",
        "e.expires_at_ms is not None and e.expires_at_ms <= now_ms]",
        "e.expires_at_ms is not None and e.expires_at_ms < 0]",
        ("tests/conductor/kernel/test_recovery.py", "rule_15"),
    ),
)


@contextmanager
def without(removal: Removal) -> Iterator[None]:
    """The tree without a rule."""
    path = ROOT / removal.file
    whole = path.read_text()
    if whole.count(removal.old) != 1:
        raise SystemExit(f"rule {removal.rule}: {removal.old!r} does not stand once in {removal.file}")
    path.write_text(whole.replace(removal.old, removal.new))
    try:
        yield
    finally:
        path.write_text(whole)


def outcome(removal: Removal) -> tuple[bool, str]:
    """Whether the test failed, and its word."""
    done = subprocess.run(removal.command, cwd=ROOT, capture_output=True, text=True, timeout=TIME_S, check=False)
    said = done.stdout + done.stderr
    if "could not compile" in said or "no tests ran" in said or "0 passed; 0 failed" in said:
        raise SystemExit(f"rule {removal.rule}: the test did not run\n{said[-2000:]}")
    lines = [line.strip() for line in said.splitlines()]
    # Rust says where in the line before, and what in the line after.
    words = [after for line, after in pairwise(lines) if "panicked at" in line]
    words += [line for line in lines if line.startswith("E   ")]
    return done.returncode != 0, (words[0] if words else lines[-1] if lines else "")[:110]


def main(wanted: set[int]) -> int:
    unnoticed = 0
    print("| rule | removed | test | it failed with |\n|---|---|---|---|")
    for removal in REMOVALS:
        if wanted and removal.rule not in wanted:
            continue
        with without(removal):
            failed, word = outcome(removal)
        unnoticed += not failed
        name = removal.test[-1].replace("|", " ")
        verdict = f"`{word}`" if failed else "**it did not fail**"
        print(f"| {removal.rule} | {removal.what} | `{removal.test[-2]}`: `{name}` | {verdict} |", flush=True)
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main({int(number) for number in sys.argv[1:]}))
