"""The processes of a local chain: which ends are noticed, and which were asked for."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from shelfsync.chain import LocalChain, NodeDied

pytestmark = pytest.mark.processes


async def test_end_that_was_asked_for_is_not_noticed_and_one_after_a_new_start_is(chain: LocalChain) -> None:
    hub = await chain.hub("hub-east")
    await chain.ready()
    watching = asyncio.ensure_future(chain.watch())

    await hub.kill()
    await hub.start()
    await hub.ready()
    assert not watching.done()
    os.kill(hub.pid, signal.SIGKILL)

    with pytest.raises(NodeDied, match="hub-east ended with exit code -9"):
        await watching
