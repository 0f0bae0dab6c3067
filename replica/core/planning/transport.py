"""Transport: how many units go along which link, at least cost.

This is the transportation problem of operations research, a min-cost flow between two sides. All figures are whole
numbers, so there is a best way in whole units. `cheapest_flow` finds it without any library, and serves some hundred
locations. A hub may use a faster `Solver` that keeps the same promise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush

Link = tuple[int, int, int]
"""A way from a supply to a need: their places in their lists, and what each unit costs, 0 or more."""

Solver = Callable[[Sequence[int], Sequence[int], Sequence[Link], int], list[int]]
"""Of supplies, needs, links and the worth of a unit that arrives, the units that go along each link.

No other way is worth more: the worth of all units that arrive, less what they cost. No supply gives more than it has,
and no need gets more than it asks for. Equal arguments give equal answers.
"""


def cheapest_flow(supplies: Sequence[int], needs: Sequence[int], links: Sequence[Link], worth: int) -> list[int]:
    """The `Solver` of the core. Source: successive shortest paths with potentials (Edmonds and Karp, 1972)."""
    search = _Paths(supplies, needs, links)
    while search.augment(worth):
        pass
    return search.flow


class _Paths:
    """The units that go so far, and the cheapest path for more. Nodes: the supplies, then the needs, then the sink."""

    def __init__(self, supplies: Sequence[int], needs: Sequence[int], links: Sequence[Link]) -> None:
        self._links = links
        self._first_need, self._sink = len(supplies), len(supplies) + len(needs)
        self._left = [*supplies, *needs]
        """What each supply still has, and each need still asks for."""
        self._potentials = [0] * (self._sink + 1)
        self._outward: list[list[int]] = [[] for _ in supplies]
        self._inward: list[list[int]] = [[] for _ in needs]
        for number, (supply, need, _) in enumerate(links):
            self._outward[supply].append(number)
            self._inward[need].append(number)
        self.flow = [0] * len(links)

    def augment(self, worth: int) -> bool:
        """Send units along a cheapest path to a need. False if there is none that costs less than a unit is worth."""
        distances, came = self._distances()
        reached = distances[self._sink]
        if reached is None or self._potentials[self._sink] + reached >= worth:
            return False
        for node, distance in enumerate(distances):
            self._potentials[node] += reached if distance is None else min(distance, reached)
        path, node = list[tuple[int, bool]](), came[self._sink]
        last = node
        while came[node] >= 0:
            number, is_back = came[node], node < self._first_need
            path.append((number, is_back))
            supply, need, _ = self._links[number]
            node = self._first_need + need if is_back else supply
        units = min(self._left[node], self._left[last], *[self.flow[number] for number, is_back in path if is_back])
        for number, is_back in path:
            self.flow[number] += -units if is_back else units
        self._left[node] -= units
        self._left[last] -= units
        return True

    def _distances(self) -> tuple[list[int | None], list[int]]:
        """The distance of each node that is nearer than the sink, and by which link each is reached (-1: a start).

        For the sink, the need that it is reached from. Distances are lowered by potentials, so none is below zero.
        """
        distances: list[int | None] = [None] * (self._sink + 1)
        came = [-1] * (self._sink + 1)
        best: dict[int, int] = {node: 0 for node in range(self._first_need) if self._left[node]}
        waiting = [(0, node) for node in best]
        while waiting:
            distance, node = heappop(waiting)
            if distances[node] is not None:
                continue
            distances[node] = distance
            if node == self._sink:
                break
            for cost, other, way in self._steps(node):
                there = distance + cost + self._potentials[node] - self._potentials[other]
                if distances[other] is None and there < best.get(other, there + 1):
                    best[other], came[other] = there, way
                    heappush(waiting, (there, other))
        return distances, came

    def _steps(self, node: int) -> list[tuple[int, int, int]]:
        """The steps from a node: cost, next node, and the link (for the sink: the need)."""
        first_need = self._first_need
        if node < first_need:
            outward = [(one, self._links[one]) for one in self._outward[node]]
            return [(cost, first_need + need, one) for one, (_, need, cost) in outward]
        inward = [(one, self._links[one]) for one in self._inward[node - first_need] if self.flow[one]]
        steps = [(-cost, supply, one) for one, (supply, _, cost) in inward]
        if self._left[node]:
            steps.append((0, self._sink, node))
        return steps
