"""The scenarios by name: what each measures, and on which system."""

from __future__ import annotations

from dataclasses import dataclass

MANY_SLOTS = 4096
"""For no-op steps: the worker must not be what bounds them."""
FULL_SLOTS = 8
"""For the overhead at full slots: sleeping tasks need no processor, so more slots than cores are honest."""


@dataclass(frozen=True, slots=True)
class Site:
    """A system to measure on. `suffix` stands behind the names of its rows."""

    workers: str = f"stock=1x{MANY_SLOTS}"
    slots: int = MANY_SLOTS
    pit: str = "one"
    partitions: int = 1
    conductors: int = 1
    suffix: str = ""
    brokers: int = 1


USUAL = Site()
FULL = Site(workers=f"stock=1x{FULL_SLOTS}", slots=FULL_SLOTS)
SINGLE = Site(workers="stock=1x1", slots=1)
EACH = Site(pit="each")
"""Every extension a process, so that the memory of a run is told by extension."""
PARTED = Site(partitions=2, conductors=2, suffix="_2p")
CLUSTER = Site(brokers=3, suffix="_r3")
"""Every stream on three brokers. On one machine they share its disk and its cores: what is measured is what that costs."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`site` is the system of those that the load generator measures; the others make their own."""

    name: str
    about: str
    site: Site | None = USUAL
    usual: bool = True
    short: bool = False
    """Among those that `--check` compares with the baseline."""
    loads: tuple[str, ...] = ()
    """What the load generator calls it, where that is something else."""


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("rest", "memory of a system at rest"),
        Scenario("floors", "publish+fsync+deliver, its rate, a hop, the disk's own sync", short=True),
        Scenario("chain", "a chain of 40 steps, each durable", short=True),
        Scenario("pure", "a chain of 40 steps of a function that is declared pure", short=True),
        Scenario("fanout", "100 items and their join"),
        Scenario("map", "10,000 items", short=True),
        Scenario("signal", "from a signal to the end of the run that waited"),
        Scenario("one", "runs of one step: alone, submitted one by one, in batches of 100", short=True),
        Scenario("flow", "a business flow of nine steps: alone, 50 and 500 under way"),
        Scenario("submit", "submissions, each acknowledged before the next", short=True),
        Scenario(
            "throughput", "no-op steps with 50, 500 and 2,000 runs under way, and their processor time", short=True
        ),
        Scenario("tenants", "the same with 500 runs of 100 tenants"),
        Scenario("hostile", "nine tenants' trickle alone, and beside one that floods 10,000 runs", site=FULL),
        Scenario("open", "one-step runs at a fixed rate (--rate), from the moment each was to come"),
        Scenario("payload", "1 KiB to 16 MiB through a step and back"),
        Scenario("traces", "recorded workflows, their longest path scaled to a second (--traces)"),
        Scenario("overhead", "the mesh's share of 8 slots full of 10 ms and 100 ms tasks", site=FULL),
        Scenario("dispatch", "10 ms tasks on one slot against direct calls of their function", site=SINGLE),
        Scenario("live", "a chain beside 100 to 100,000 waiting runs, and the memory of each", site=EACH),
        Scenario("partitions", "chain and throughput on two partitions", site=PARTED, loads=("chain", "throughput")),
        Scenario("cluster", "chain and throughput on three brokers", site=CLUSTER, loads=("chain", "throughput")),
        Scenario("ready", "from exec to the first answer, of every service", site=None),
        Scenario("cores", "one decision of each core, in process", site=None, short=True),
        Scenario("takeover", "from the kill of an owner to the end of the next run", site=None, usual=False),
    )
}
USUAL_NAMES = tuple(name for name, scenario in SCENARIOS.items() if scenario.usual)
SHORT_NAMES = tuple(name for name, scenario in SCENARIOS.items() if scenario.short)


def grouped(names: list[str]) -> list[tuple[Site, list[str]]]:
    """Those for the load generator, by their system, each group in the order of the table."""
    groups: dict[Site, list[str]] = {}
    for name, scenario in SCENARIOS.items():
        if name in names and scenario.site is not None:
            groups.setdefault(scenario.site, []).append(name)
    return list(groups.items())
