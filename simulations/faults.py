"""All kinds of faults by name: what each breaks, and how it mends that.

A kind of fault is one function. It breaks something and returns a function that mends it. Faults overlap, so each mends
only what it broke. Drawn plans use the faults in `FAULTS`. `OF_IDENTITY` has disks from the past or of another machine.
No guarantee covers these until nodes know their own incarnation.
"""

from __future__ import annotations

from asyncio import TimerHandle
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from msgspec.structs import replace

from simulations.chain import SimulatedChain
from simulations.journal import SimulatedDisk
from simulations.network import FAIR, Way, Weather
from simulations.plan import Fault

FLAP_S = (0.2, 2.5)
"""How long a flapping line stays cut, or whole."""

SLOW_LINE_MS = 3_000.0
SLOW_DISK_S = 3.0
FULL_DISK_S = 1.0
DRIFT_PPM = 20_000
"""The worst of each, at strength 1. A real clock that drifts by 2 % is broken."""

CLOCK_STEP_LOG10_MS = (3.0, 12.4)
"""Steps of a clock: from a second to past the year 2099, uniform in the logarithm."""


Mend = Callable[[], None]
Begin = Callable[[SimulatedChain, Fault, Random], Mend]


def _nothing() -> None:
    pass


# lines ---------------------------------------------------------------------------------------------------------------


def _cut(chain: SimulatedChain, ways: Sequence[Way]) -> Mend:
    for way in ways:
        chain.network.cut(way)

    def mend() -> None:
        for way in ways:
            chain.network.mend(way)

    return mend


def _between(one: Sequence[str], other: Sequence[str]) -> list[Way]:
    ways = [(a, b) for a in one for b in other if a != b]
    return ways + [(b, a) for a, b in ways]


def _others(chain: SimulatedChain, names: Sequence[str]) -> list[str]:
    return [name for name in chain.machines if name not in names]


def isolate(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """These machines are cut off from all other machines."""
    return _cut(chain, _between(fault.who, _others(chain, fault.who)))


def one_way(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """These machines can send, but receive nothing."""
    return _cut(chain, [(other, name) for name in fault.who for other in _others(chain, fault.who)])


def bridge(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """The chain splits into two halves, and only one machine reaches both."""
    others = _others(chain, fault.who[:1])
    random.shuffle(others)
    half = len(others) // 2
    return _cut(chain, _between(others[:half], others[half:]))


def ring(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """Each machine reaches only its two neighbours on a ring."""
    names = list(chain.machines)
    random.shuffle(names)
    count = len(names)
    apart = [
        (names[i], names[j])
        for i in range(count)
        for j in range(count)
        if i != j and (i - j) % count not in (1, count - 1)
    ]
    return _cut(chain, apart)


def region_loss(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """Every hub of a region loses power and gets it back later."""
    region = next((hub.role.region for hub in chain.hubs if hub.name in fault.who), chain.hubs[0].role.region)
    lost = [hub for hub in chain.hubs if hub.role.region == region]
    for hub in lost:
        hub.stop(has_power=False)
        hub.is_held_down += 1

    def mend() -> None:
        for hub in lost:
            hub.is_held_down -= 1
            hub.start()

    return mend


def flapping(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """The lines of these machines are cut and mended repeatedly."""
    ways = _between(fault.who, _others(chain, fault.who))
    cuts: list[Mend] = []
    timers: list[TimerHandle] = []

    def flap() -> None:
        if cuts:
            cuts.pop()()
        else:
            cuts.append(_cut(chain, ways))
        timers[:] = [chain.loop.call_later(random.uniform(*FLAP_S), flap)]

    def mend() -> None:
        timers[0].cancel()
        if cuts:
            cuts.pop()()

    flap()
    return mend


def half_open(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """A middlebox drops the connections of these machines: both ends consider them open, but nothing arrives."""
    for name in fault.who:
        chain.network.forget(name)
    return _nothing


def _weather(chain: SimulatedChain, fault: Fault, random: Random, harm: str = "") -> Mend:
    """Slow down or damage frames to and from these machines."""
    ways = _between(fault.who, _others(chain, fault.who))
    network = chain.network
    if harm:
        weather = replace(FAIR, **{harm: 0.02 + 0.3 * fault.strength})
    else:
        weather = Weather(delay_ms=(50.0, 100.0 + SLOW_LINE_MS * fault.strength))
    for way in ways:
        network.weather[way] = weather

    def mend() -> None:
        for way in ways:
            if network.weather.get(way) is weather:
                network.weather[way] = FAIR

    return mend


# machines ------------------------------------------------------------------------------------------------------------


def kill(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """The process ends as by kill -9, and its machine resets its connections."""
    return _stop(chain, fault, has_power=True)


def power_loss(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """The machine loses power: peers see nothing, and the commit in progress happened or not."""
    return _stop(chain, fault, has_power=False)


def _stop(chain: SimulatedChain, fault: Fault, *, has_power: bool) -> Mend:
    machines = [chain.machines[name] for name in fault.who]
    for machine in machines:
        machine.stop(has_power=has_power)
        machine.is_held_down += 1

    def mend() -> None:
        for machine in machines:
            machine.is_held_down -= 1
            machine.start()

    return mend


def restart(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """The process stops gracefully and starts again, as for an upgrade."""
    for name in fault.who:
        chain.loop.create_task(chain.machines[name].restart())
    return _nothing


def pause(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """The machine sleeps and wakes without noticing it."""
    hosts = [host for name in fault.who if (host := chain.machines[name].host) is not None]
    for host in hosts:
        chain.loop.pause(host)

    def mend() -> None:
        for host in hosts:
            chain.loop.resume(host)

    return mend


def commit_fails(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """An fsync returns EIO: the commit happened or not, and the process ends."""
    for name in fault.who:
        chain.machines[name].disk.fails_next_commit = random.random() < 0.5
    return _nothing


def disk_full(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """The disk has space for a few more entries only, and is slow."""
    disks = [chain.machines[name].disk for name in fault.who]
    for disk in disks:
        disk.room_bytes = random.randrange(2_000)
    quicken = _slow_down(disks, random, FULL_DISK_S)

    def mend() -> None:
        quicken()
        for disk in disks:
            disk.room_bytes = None

    return mend


def slow_disk(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """The disk is slow, sometimes by seconds."""
    return _slow_down([chain.machines[name].disk for name in fault.who], random, SLOW_DISK_S * fault.strength)


def _slow_down(disks: Sequence[SimulatedDisk], random: Random, most_s: float) -> Mend:
    def slowly(most_s: float) -> float:
        return random.random() ** 4 * most_s

    slowed = (partial(slowly, most_s), partial(slowly, most_s))
    for disk in disks:
        disk.slowed.append(slowed)

    def mend() -> None:
        for disk in disks:
            disk.slowed.remove(slowed)

    return mend


def clock_forward(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """The clock is set ahead, by a second or by decades, and is set right later."""
    return _step(chain, fault, 1)


def clock_back(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """The clock is set back, and is set right later."""
    return _step(chain, fault, -1)


def _step(chain: SimulatedChain, fault: Fault, sign: int) -> Mend:
    low, high = CLOCK_STEP_LOG10_MS
    step_ms = int(10 ** (low + (high - low) * fault.strength))
    clocks = [chain.machines[name].clock for name in fault.who]
    for clock in clocks:
        clock.step(max(sign * step_ms, -clock.now().wall_ms))

    def mend() -> None:
        for clock in clocks:
            clock.correct()

    return mend


def clock_drift(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """The clock runs fast or slow."""
    clocks = [chain.machines[name].clock for name in fault.who]
    for clock in clocks:
        clock.drift(int(random.choice((-1, 1)) * DRIFT_PPM * fault.strength))

    def mend() -> None:
        for clock in clocks:
            clock.correct()

    return mend


# clients -------------------------------------------------------------------------------------------------------------


def lost_answers(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """Requests and answers of these machines' clients are often lost."""
    machines = [chain.machines[name] for name in fault.who]
    for machine in machines:
        machine.loses_answers = 0.1 + 0.6 * fault.strength

    def mend() -> None:
        for machine in machines:
            machine.loses_answers = 0.0

    return mend


# disks from the past or of another machine ---------------------------------------------------------------------------


def restore(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """The disk is restored to its content when the fault began."""
    machines = [chain.machines[name] for name in fault.who]
    backups = [machine.disk.copy() for machine in machines]

    def mend() -> None:
        for machine, backup in zip(machines, backups, strict=True):
            machine.stop()
            machine.disk = backup
            machine.start()

    return mend


def wipe(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """The disk is replaced by an empty one."""
    for name in fault.who:
        machine = chain.machines[name]
        machine.stop()
        machine.disk = machine.disk.blank()
        machine.identify()
        machine.start()
    return _nothing


def clone(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """A second machine runs on a copy of this machine's disk, under the same name."""
    chain.clone(fault.who[0])
    return _nothing


def swap(chain: SimulatedChain, fault: Fault, random: Random) -> Mend:
    """Two machines swap their disks."""
    one, other = (chain.machines[name] for name in fault.who[:2])
    for machine in (one, other):
        machine.stop()
    one.disk, other.disk = other.disk, one.disk
    for machine in (one, other):
        machine.start()
    return _nothing


LINES: dict[str, Begin] = {
    "isolate": isolate,
    "one-way": one_way,
    "bridge": bridge,
    "ring": ring,
    "flapping": flapping,
    "half-open": half_open,
    "slow-line": _weather,
    **{
        harm: partial(_weather, harm=harm)
        for harm in ("drop", "duplicate", "reorder", "truncate", "corrupt", "oversize")
    },
}

MACHINES: dict[str, Begin] = {
    "region-loss": region_loss,
    "kill": kill,
    "power-loss": power_loss,
    "restart": restart,
    "pause": pause,
    "commit-fails": commit_fails,
    "disk-full": disk_full,
    "slow-disk": slow_disk,
    "clock-forward": clock_forward,
    "clock-back": clock_back,
    "clock-drift": clock_drift,
    "lost-answers": lost_answers,
}

FAULTS = {**LINES, **MACHINES}

OF_IDENTITY: dict[str, Begin] = {"restore": restore, "wipe": wipe, "clone": clone, "swap": swap}


def begin(chain: SimulatedChain, fault: Fault) -> Mend:
    """Begin a fault. Returns the function that mends it."""
    kind = FAULTS.get(fault.kind) or OF_IDENTITY[fault.kind]
    return kind(chain, fault, Random(f"{chain.plan.seed}/{fault.kind}/{fault.at_s}"))
