"""What a node decides about a request follows from its journal, by the reference model."""

from __future__ import annotations

from collections.abc import Sequence

from replica.core.base.errors import Refused
from replica.core.log.entry import Entry
from replica.core.state.commands import Command
from replica.runtime.ports import Stored
from simulations.explorer.script import LOCATION, STORE, Script
from simulations.reference.answers import difference
from simulations.reference.replay import Replay
from simulations.translation import body_of, expected_refusal, is_derived, kind_of, plain, refusal_of


class Decisions:
    """Holds the decisions of one node to the reference model."""

    def __init__(self, script: Script, node: str) -> None:
        self._node = node
        self._is_hub = node != STORE
        self._own = script.hosted_by(node)
        self._known: dict[tuple[int, bytes, bytes], str] = {}

    def fault(self, journal_id: int, journal: Sequence[Entry], command: Command, verdict: Entry | Refused) -> str:
        """How the verdict on a request differs from what the model says; empty if it does not.

        `journal`: what the node had, which is known under `journal_id`. The request has a new key.
        """
        name = (journal_id, command.key, verdict.kind.encode() if isinstance(verdict, Refused) else verdict.hash)
        if name not in self._known:
            self._known[name] = self._fault(journal, command, verdict)
        return self._known[name]

    def _fault(self, journal: Sequence[Entry], command: Command, verdict: Entry | Refused) -> str:
        asked = body_of(command)
        if asked is None or (isinstance(verdict, Refused) and not is_derived(verdict, command)):
            return ""
        replay = Replay(self._node, open_catalogue=False, own=self._own, met=(LOCATION,), is_hub=self._is_hub)
        for arrival, entry in enumerate(journal, 1):
            replay.hear(plain(Stored(arrival, entry, b""), arrival))
        if isinstance(verdict, Refused):
            return difference(expected_refusal(replay, command, asked), refusal_of(verdict))
        kind = kind_of(command)
        if verdict.content.kind != kind:
            return f"it is recorded as {verdict.content.kind}, not as {kind}"
        arrival = len(journal) + 1
        return replay.play(plain(Stored(arrival, verdict, b""), arrival), asked)
