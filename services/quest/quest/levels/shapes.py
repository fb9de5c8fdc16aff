"""Shapes of graphs: for each node the nodes whose results it takes. Families differ between the splits."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Shape = list[list[int]]
"""`shape[i]` are the parents of node i, all below i."""


def chain(rng: Random, size: int) -> Shape:
    return [[i - 1] if i else [] for i in range(size)]


def layered(rng: Random, size: int) -> Shape:
    """Layers of random width; every node takes one to three results of the layer before."""
    layers: list[list[int]] = []
    made = 0
    while made < size:
        width = min(rng.randint(1, max(2, size // 3)), size - made)
        layers.append(list(range(made, made + width)))
        made += width
    shape: Shape = []
    for depth, layer in enumerate(layers):
        for _ in layer:
            before = layers[depth - 1] if depth else []
            shape.append(sorted(rng.sample(before, min(len(before), rng.randint(1, 3)))))
    return shape


def fork_join(rng: Random, size: int) -> Shape:
    """One source, arms of their own lengths, one join."""
    arms = rng.randint(2, max(2, min(5, size - 2)))
    shape: Shape = [[]]
    ends = [0] * arms
    for _ in range(max(size - 2, arms)):
        arm = rng.randrange(arms)
        shape.append([ends[arm]])
        ends[arm] = len(shape) - 1
    shape.append(sorted({end for end in ends if end} or {0}))
    return shape


def in_tree(rng: Random, size: int) -> Shape:
    """Leaves that are joined by twos and threes down to one."""
    leaves = max(2, (size + 1) // 2)
    shape: Shape = [[] for _ in range(leaves)]
    open_ends = list(range(leaves))
    while len(open_ends) > 1:
        taken = [open_ends.pop(rng.randrange(len(open_ends))) for _ in range(min(len(open_ends), rng.randint(2, 3)))]
        shape.append(sorted(taken))
        open_ends.append(len(shape) - 1)
    return shape


def ladder(rng: Random, size: int) -> Shape:
    """Diamonds one after the other."""
    shape: Shape = [[]]
    while len(shape) < size:
        last = len(shape) - 1
        width = rng.randint(2, 3)
        for _ in range(width):
            shape.append([last])
        shape.append(list(range(last + 1, last + 1 + width)))
    return shape


def series_parallel(rng: Random, size: int) -> Shape:
    """Edges are split in series or in parallel until there are nodes enough."""
    edges = [(0, 1)]
    count = 2
    while count < size:
        index = rng.randrange(len(edges))
        start, end = edges[index]
        edges[index] = (start, count)
        edges.append((count, end))
        if rng.random() < 0.5:
            edges.append((start, end))
        count += 1
    return _relabelled(edges, count)


def hourglass(rng: Random, size: int) -> Shape:
    """Many, one, many, one."""
    left = max(2, (size - 2) // 2)
    right = max(2, size - 2 - left)
    shape: Shape = [[] for _ in range(left)]
    shape.append(list(range(left)))
    shape.extend([left] for _ in range(right))
    shape.append(list(range(left + 1, left + 1 + right)))
    return shape


def _relabelled(edges: list[tuple[int, int]], count: int) -> Shape:
    """Nodes in a topological order, node 1 of the pair last."""
    parents: list[set[int]] = [set() for _ in range(count)]
    for start, end in edges:
        parents[end].add(start)
    order: list[int] = []
    placed: set[int] = set()
    while len(order) < count:
        for node in range(count):
            if node not in placed and parents[node] <= placed:
                order.append(node)
                placed.add(node)
    name = {node: index for index, node in enumerate(order)}
    return [sorted(name[parent] for parent in parents[node]) for node in order]


Family = Callable[[Random, int], Shape]
FAMILIES: dict[str, tuple[Family, ...]] = {
    "train": (chain, layered, fork_join, in_tree, layered),
    "test": (layered, ladder, series_parallel, hourglass, fork_join),
}
"""What each split draws from. Shapes of both are told apart by their structure as well: see `quest.split`."""
