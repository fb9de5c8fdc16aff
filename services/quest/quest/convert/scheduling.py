"""Job shops and resource-constrained projects as quests: a function an operation, a pool a machine.

Formats: job shops as `jobs machines`, then for each job pairs of machine and duration (from 0); projects in Patterson's
form (activities and resources; capacities; for each activity its duration, demands, number of successors, successors).
A unit of time is a second.
"""

from __future__ import annotations

from quest.document import Artifact, Function, Goal, Input, Limits, Pool, Quest, TypeRef

UNIT_MS = 1000.0
WIDE = 4
"""Limits are so many times the whole work: a makespan is looked for, not a deadline."""


def jobshop(name: str, text: str) -> Quest:
    """A job shop: machines are pools of one slot."""
    numbers = [int(word) for line in text.splitlines() if not line.startswith("#") for word in line.split()]
    jobs, machines = numbers[0], numbers[1]
    rest = numbers[2:]
    functions: list[Function] = []
    goals: list[Goal] = []
    for job in range(jobs):
        row = rest[job * 2 * machines : (job + 1) * 2 * machines]
        before = "Start"
        for step in range(machines):
            machine, duration = row[2 * step], row[2 * step + 1]
            kind = f"J{job}S{step}"
            functions.append(
                Function(
                    name=f"j{job}_{step}",
                    inputs=[Input(type=before)],
                    output=TypeRef(type=kind),
                    duration_ms=max(1.0, duration * UNIT_MS),
                    pools=[f"m{machine}"],
                )
            )
            before = kind
        goals.append(Goal(type=before))
    pools = [Pool(name=f"m{machine}", slots=1) for machine in range(machines)]
    return _quest(name, functions, pools, {}, goals)


def rcpsp(name: str, text: str) -> Quest:
    """A project: resources are counted, one pool has a slot an activity. Activities of no duration only pass on."""
    numbers = [int(word) for word in text.split()]
    count, resources = numbers[0], numbers[1]
    capacities = numbers[2 : 2 + resources]
    at = 2 + resources
    durations, demands, successors = [], [], []
    for _ in range(count):
        durations.append(numbers[at])
        demands.append(numbers[at + 1 : at + 1 + resources])
        many = numbers[at + 1 + resources]
        first = at + 2 + resources
        successors.append([one - 1 for one in numbers[first : first + many]])
        at = first + many
    before: list[set[int]] = [set() for _ in range(count)]
    for activity in range(count):
        for after in successors[activity]:
            # What takes no time passes its own predecessors on.
            before[after] |= {activity} if durations[activity] else before[activity]
    functions, goals = [], []
    real = [activity for activity in range(count) if durations[activity]]
    needed = {one for activity in real for one in before[activity]}
    for activity in real:
        functions.append(
            Function(
                name=f"a{activity}",
                inputs=[Input(type=f"A{one}") for one in sorted(before[activity])] or [Input(type="Start")],
                output=TypeRef(type=f"A{activity}"),
                duration_ms=durations[activity] * UNIT_MS,
                needs={f"r{index}": amount for index, amount in enumerate(demands[activity]) if amount},
            )
        )
        if activity not in needed:
            goals.append(Goal(type=f"A{activity}"))
    pool = Pool(name="all", slots=len(real))
    return _quest(name, functions, [pool], {f"r{index}": amount for index, amount in enumerate(capacities)}, goals)


def _quest(
    name: str, functions: list[Function], pools: list[Pool], resources: dict[str, int], goals: list[Goal]
) -> Quest:
    work_ms = sum(function.duration_ms for function in functions)
    return Quest(
        quest=name,
        types={"Start": [], **{function.output.type: [] for function in functions}},
        functions=functions,
        pools=pools,
        resources=resources,
        artifacts=[Artifact(type="Start")],
        goals=goals,
        limits=Limits(deadline_ms=int(work_ms * WIDE), budget=1.0, calls=len(functions) * 2),
    )
