"""An event loop in virtual time: unchanged asyncio, with a simulated clock and simulated machines.

Every handle belongs to a *host*, one life of one machine. The context of the handle defines the host. Hosts take turns:
the seed picks a host with work, and the loop runs everything that is ready there, in order, as one turn of a real loop
does. So events on one host have an order that a real process can show, and hosts interleave in any order. If no host
has work, time jumps to the next timer. The loop reads no clock and iterates over no set.

A crash drops a host: the loop never runs its handles again, cancels nothing, and runs no `finally`. A paused host keeps
its handles for later. Work without a host (the simulation itself, packets on the line) never dies.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import Handle, TimerHandle
from asyncio.base_events import BaseEventLoop
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any
from weakref import WeakSet

from replica.core.base.errors import Broken

TURNS_AT_ONCE_MAX = 200_000
"""After this number of turns at the same time, some host spins."""


class Stuck(Broken):
    """Nothing is ready and no timer runs, or hosts spin while time stands still."""


class Host:
    """One life of one machine, from start to crash."""

    __slots__ = ("_kept", "is_dead", "is_paused", "is_queued", "name", "ready", "tasks")

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready: deque[Handle] = deque()
        self.is_dead = False
        self.is_paused = False
        self.is_queued = False
        """Whether it waits for its turn or has it."""
        self.tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._kept: list[asyncio.Task[Any]] = []

    def die(self) -> None:
        """Never run again. The host keeps its tasks, because a collected task would run its `finally`."""
        self.is_dead = True
        self._kept = list(self.tasks)
        self.ready.clear()


_host: ContextVar[Host | None] = ContextVar("host", default=None)


def current_host() -> Host | None:
    """The host of the running work; None if it belongs to no machine."""
    return _host.get()


NO_HOST = Context()
"""The context of work without a host."""


class VirtualLoop(BaseEventLoop):
    """An event loop in which `random` picks the next host, and time passes if no host has work."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.turns = 0
        """The number of turns of all hosts."""
        self.failures: list[dict[str, Any]] = []
        """Exceptions without a receiver, which asyncio would log."""
        self._random = random
        self._now = 0.0
        self._turns_then = 0
        self._own = Host("simulation")
        self._queue: list[Host] = []
        self._timers: list[tuple[float, int, TimerHandle]] = []
        self._timers_made = 0
        self.set_task_factory(_make_task)  # type: ignore[arg-type]
        self.set_exception_handler(lambda loop, context: self.failures.append(context))

    def time(self) -> float:
        """Seconds since the simulation began."""
        return self._now

    def start_on(self, host: Host, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start work on a host. Everything that it starts runs on that host too."""
        context = copy_context()
        context.run(_host.set, host)
        return self.create_task(work, context=context)

    def crash(self, host: Host) -> None:
        """Drop a host immediately."""
        host.die()

    def pause(self, host: Host) -> None:
        """Let a host sleep. Its work waits."""
        host.is_paused = True

    def resume(self, host: Host) -> None:
        """Wake a host."""
        host.is_paused = False
        self._enqueue(host)

    def wind_up(self, hosts: list[Host]) -> None:
        """End every task, also those of dead hosts, so that no unfinished coroutine is collected."""
        for host in hosts:
            host.is_dead = host.is_paused = False
        tasks = asyncio.all_tasks(self)
        for task in tasks:
            task.cancel()
        if tasks:
            _, never_begun = self.run_until_complete(asyncio.wait(tasks, timeout=60))
            for task in never_begun:
                task.get_coro().close()
        self.failures.clear()

    # required by BaseEventLoop -----------------------------------------------------------------------------------

    def _call_soon(self, callback: Callable[..., object], args: Any, context: Context | None) -> Handle:
        handle = Handle(callback, args, self, context)
        self._make_ready(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        timer = TimerHandle(when, callback, args, self, context)
        self._timers_made += 1
        heapq.heappush(self._timers, (when, self._timers_made, timer))
        return timer

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        pass  # `_pass_time` drops it at its time

    def _process_events(self, event_list: object) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def _run_once(self) -> None:
        queue = self._queue
        if not queue:
            self._pass_time()
        self.turns += 1
        if self.turns - self._turns_then > TURNS_AT_ONCE_MAX:
            raise Stuck(f"{TURNS_AT_ONCE_MAX} turns at {self._now:.3f} s: {', '.join(host.name for host in queue)}")
        index = self._random.randrange(len(queue)) if len(queue) > 1 else 0
        host, ready = queue[index], queue[index].ready
        for _ in range(len(ready)):
            if host.is_paused or not ready:
                break
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()
        if host.is_dead or host.is_paused or not ready:
            queue.remove(host)
            host.is_queued = False

    def _pass_time(self) -> None:
        """Jump to the next timer that is not cancelled, and make all handles ready that are due then."""
        timers = self._timers
        self._turns_then = self.turns
        while not self._queue:
            if not timers:
                raise Stuck(f"nothing more can happen at {self._now:.3f} s")
            self._now = max(self._now, timers[0][0])
            while timers and timers[0][0] <= self._now:
                timer = heapq.heappop(timers)[2]
                if not timer._cancelled:
                    self._make_ready(timer)

    def _make_ready(self, handle: Handle) -> None:
        host: Host = handle._context.get(_host) or self._own  # type: ignore[attr-defined]
        if not host.is_dead:
            host.ready.append(handle)
            self._enqueue(host)

    def _enqueue(self, host: Host) -> None:
        if host.ready and not (host.is_queued or host.is_paused or host.is_dead):
            host.is_queued = True
            self._queue.append(host)


def _make_task(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
    task = asyncio.Task(work, loop=loop, **options)
    context = options.get("context")
    host = context.get(_host) if context is not None else _host.get()
    if host is not None:
        host.tasks.add(task)
    return task
