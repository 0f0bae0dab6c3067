"""What a session reports to its caller, and what the caller decides for it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from replica.core.log.entry_run import ReceivedRun
from replica.core.sync.wire import Hello, Want

Scopes = tuple[str, ...] | None
"""Some scopes; None means all."""


class Greeted(Struct, frozen=True):
    """The peer said who it is and was admitted. Call `claim` with the vectors held durably."""

    peer: Hello


class Asked(Struct, frozen=True):
    """The peer said what it holds. Send it the entries of the streams in `lacking`."""


class Arrived(Struct, frozen=True):
    """Entries arrived. Merge and commit them, then call `merged` with the number."""

    number: int
    runs: list[ReceivedRun]


class Acknowledged(Struct, frozen=True):
    """The peer made more entries durable. There may be room to send more."""


class Diverged(Struct, frozen=True):
    """Equal version vectors, unequal digests. This is an alarm; neither side overwrites its state."""

    scope: str
    ours: str
    theirs: str


class RightsWanted(Struct, frozen=True):
    """The peer asks for rights. Always answer with `give`, also to grant nothing."""

    want: Want


class Answered(Struct, frozen=True):
    """The peer answered a want of ours."""

    want: Want
    granted: int
    reason: str


class Ended(Struct, frozen=True):
    """The peer said bye."""

    reason: str
    detail: str


Event = Greeted | Asked | Arrived | Acknowledged | Diverged | RightsWanted | Answered | Ended

Admission = Callable[[Hello], Scopes]
"""Policy: the scopes whose entries are accepted from a peer. Raises PeerFault to refuse the peer."""


class ClockReading(Struct, frozen=True):
    """How far the clock of a peer is ahead of ours; negative if it is behind."""

    node: str
    ahead_ms: int
