"""A store that serves its customers through another hub goes home only to a home hub that is well."""

from __future__ import annotations

from replica.runtime.node import Node
from replica.runtime.peering import peers
from simulations.checkers.checker import Checker
from simulations.machine import HOME_AFTER_S

GOING_HOME = "going-home"
"""The reason with which a store ends its link to another hub."""


class HomeChecker(Checker):
    """A store leaves another hub for its home hub only after that has answered each probe for a while."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._well: dict[str, int] = {}
        """By machine: how many of its latest probes were answered, one after the other."""
        self._best: dict[str, int] = {}
        """By machine: the most of them since it went home last."""
        self._went: dict[str, tuple[Node, int]] = {}
        """By machine: its node, and how often it had gone home."""
        self.chain.network.on_probe = self._probed

    def _probed(self, machine: str, is_ready: bool) -> None:
        self._well[machine] = self._well.get(machine, 0) + 1 if is_ready else 0
        self._best[machine] = max(self._well[machine], self._best.get(machine, 0))

    def moment(self) -> None:
        for store in self.chain.stores:
            if store.node is None:
                continue
            times = store.node.peers.ended.get(GOING_HOME, 0)
            node, before = self._went.get(store.name, (store.node, 0))
            if times > (before if node is store.node else 0) and store.name in self._best:
                self.history.tally("went home")
                answered_s = self._best.pop(store.name) * peers.PROBE_INTERVAL_S
                if answered_s < HOME_AFTER_S:
                    self.fail(f"{store.name} went home after its home hub had answered for {answered_s} s in a row")
                self._well[store.name] = 0
            self._went[store.name] = (store.node, times)
