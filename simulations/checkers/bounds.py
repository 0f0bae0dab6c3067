"""Everything is bounded: waiting requests, unacknowledged bytes, and the memory of a session."""

from __future__ import annotations

from replica.core.base.limits import DOCUMENT_BYTES_MAX, FRAME_SOFT_BYTES, SCOPES_MAX, WINDOW_BYTES
from replica.runtime.driver import INBOX_MAX
from replica.runtime.peering.link import MERGES_WAITING_MAX
from simulations.checkers.checker import Checker


class BoundsChecker(Checker):
    """No queue grows past its bound."""

    invariant = 10

    def moment(self) -> None:
        # a nearly full window, and the largest frame that a session can then begin; a document is the largest content
        under_way_bytes_max = WINDOW_BYTES + FRAME_SOFT_BYTES + DOCUMENT_BYTES_MAX
        for machine in self.chain.machines.values():
            if machine.node is None:
                continue
            if machine.most_waiting > INBOX_MAX:
                self.fail(f"{machine.most_waiting} requests waited at {machine.name}")
            for peer in machine.node.peers.connected:
                assert peer.link is not None
                session = peer.link.session
                if session.unacknowledged_bytes > under_way_bytes_max:
                    self.fail(f"{machine.name} has {session.unacknowledged_bytes} unacknowledged bytes to {peer.name}")
                if peer.link.merges_waiting > MERGES_WAITING_MAX or len(session.behind) > SCOPES_MAX:
                    self.fail(f"{machine.name} accepts more frames from {peer.name} than it can merge")
