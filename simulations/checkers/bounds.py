"""Everything is bounded: what waits, what is under way, and what a session keeps."""

from __future__ import annotations

from replica.core.limits import FRAME_BYTES_MAX, SCOPES_MAX, WINDOW_BYTES
from replica.runtime.driver import INBOX_MAX
from replica.runtime.link import MERGES_WAITING_MAX
from simulations.checkers.checker import Checker


class Bounds(Checker):
    """No queue grows past its bound."""

    invariant = 10

    def moment(self) -> None:
        for machine in self.chain.machines.values():
            if machine.node is None:
                continue
            if machine.node.driver.waiting > INBOX_MAX:
                self.fail(f"{machine.node.driver.waiting} requests wait at {machine.name}")
            for peer in machine.node.peers.connected:
                assert peer.link is not None
                session = peer.link.session
                if session.unacknowledged_bytes >= WINDOW_BYTES + FRAME_BYTES_MAX:
                    self.fail(f"{machine.name} has {session.unacknowledged_bytes} bytes under way to {peer.name}")
                if peer.link.merges_waiting > MERGES_WAITING_MAX or len(session.behind) > SCOPES_MAX:
                    self.fail(f"{machine.name} takes in more from {peer.name} than it can merge")
