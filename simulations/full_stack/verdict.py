"""The checks over HTTP: the state of all nodes as callers see it, after everything is healed and answered."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import quote

from replica.core.base.names import CHAIN, key_text
from replica.core.log.entry import Entry
from replica.core.stock.counts import CORRECTION, COUNT
from simulations.chain import SimulatedChain
from simulations.checkers.checker import Violation
from simulations.checkers.truth import adds, is_mistimed
from simulations.full_stack.calls import Call, HttpAnswer
from simulations.full_stack.calls import Call
from simulations.full_stack.machine import StackMachine
from simulations.full_stack.views import PATIENCE_S, check_views, document_of, reader_of
from simulations.history import Ask, History, Pair
from simulations.pn_counter import AddOutcome, CounterHistory, FinalRead, violations
from simulations.reference.view_reading import read_entries


async def judge(chain: SimulatedChain, history: History) -> None:
    """Check the state, the stock and the journal of every node. Raises Violation."""
    machines = [machine for machine in chain.machines.values() if isinstance(machine, StackMachine)]
    for machine in machines:
        machine.clients.hang_up()
    await _check_state(chain, machines)
    await _check_stock(chain, history)
    for machine in machines:
        entries = await read_entries(reader_of(machine))
        _check_keys(machine, history, entries)
        await check_views(machine, entries)


async def _check_state(chain: SimulatedChain, machines: list[StackMachine]) -> None:
    states = {machine.name: await reader_of(machine)("/v1/status") for machine in machines}
    scopes = sorted({scope for state in states.values() for scope in state["version_vector"]})
    for scope in scopes:
        seen = [states[one.name] for one in chain.subscribers(scope)]
        if scope == CHAIN:  # a store may hold no chain-wide entries
            seen = [state for state in seen if scope in state["version_vector"]]
        for what in ("version_vector", "digests"):
            if any(state[what].get(scope) != seen[0][what].get(scope) for state in seen):
                raise Violation("Verdict", 1, f"{what} of {scope} differ: {[state[what].get(scope) for state in seen]}")


async def _check_stock(chain: SimulatedChain, history: History) -> None:
    for pair in history.pairs:
        subscribers = [one for one in chain.subscribers(pair[0]) if isinstance(one, StackMachine)]
        is_known = _has_entries(chain, pair[0])
        reads = tuple([FinalRead(one.name, await _on_hand(one, pair, is_known)) for one in subscribers])
        names = tuple(one.name for one in subscribers)
        for violation in violations(CounterHistory(names, adds(history, pair, _corrected(chain)), reads)):
            raise Violation("Verdict", 5, f"{pair}: {violation}")
        on_shelf = history.on_shelf(pair)
        is_certain = on_shelf is not None and not history.is_robbed(pair)
        if is_certain and reads[0].value != on_shelf and not is_mistimed(chain, history, pair, _corrected(chain)):
            raise Violation("Verdict", 5, f"{reads[0].value} of {pair} are shown, but {on_shelf} are on the shelf")


def _has_entries(chain: SimulatedChain, location: str) -> bool:
    """Whether any node has an entry of a location. If none has, hubs may answer that they do not know the location."""
    disks = [machine.disk for machine in chain.machines.values()]
    return any(stored.entry.stream.scope == location for disk in disks for stored in disk.stored)


async def _on_hand(machine: StackMachine, pair: Pair, is_known: bool) -> int:
    """The units that a node shows. 0 if it refuses a location of which no node has an entry."""
    location, item = pair
    path = f"/v1/stock/{location}/{quote(item)}" if machine.role.role == "hub" else f"/v1/stock/{quote(item)}"
    answer = await machine.call(Call("GET", path), PATIENCE_S)
    if not is_known and answer is not None and answer.document().get("type") == "unknown-location":
        return 0
    stock = document_of(machine, path, answer)
    on_hand: int = stock["on_hand"]
    if on_hand != sum(stock["pn"]["p"].values()) - sum(stock["pn"]["n"].values()):
        raise Violation("Verdict", 7, f"{machine.name} shows {on_hand} of {pair}, but counters {stock['pn']}")
    return on_hand


async def _entries(machine: StackMachine) -> list[dict[str, Any]]:
    """All entries of a node's journal, as callers read them."""
    entries: list[dict[str, Any]] = []
    after = BEGINNING
    while True:
        page = await _get(machine, f"/v1/journal?after={after}&limit={JOURNAL_PAGE}")
        entries += page["entries"]
        if not page["entries"]:
            return entries
        after = page["next"]


async def _check_views(machine: StackMachine, entries: list[dict[str, Any]]) -> None:
    """Each figure that a node shows follows from the entries of its journal, before and after a restart."""
    await _compare_views(machine, Views(machine.role.name, entries))
    await _restart(machine)
    await _compare_views(machine, Views(machine.role.name, await _entries(machine)))


async def _restart(machine: StackMachine) -> None:
    """Restart a node, and wait until it is ready. Raises Violation if it takes too long."""
    machine.clients.hang_up()
    await machine.restart()
    for _ in range(LOOKS):
        await asyncio.sleep(PATIENCE_S / LOOKS)
        try:
            answer = await machine.call(Call("GET", "/readyz"), PATIENCE_S / LOOKS)
        except ConnectionRefusedError:
            continue
        if answer is not None and answer.status == 200:
            return
    raise Violation("Verdict", 0, f"{machine.name} is not ready {PATIENCE_S} s after a restart")


async def _compare_views(machine: StackMachine, views: Views) -> None:
    try:
        await _compare_answers(machine, views)
    except Violation:
        if (await _get(machine, "/v1/status"))["entries"] == views.entries:
            raise  # otherwise the node wrote meanwhile, or a peer sent entries


async def _compare_answers(machine: StackMachine, views: Views) -> None:
    """Ask for all figures. Stock, availability and status are compared as in each answer (`Answers`), the rest here."""
    await _get(machine, "/v1/status")
    if machine.role.role == "hub":
        listed = await _get(machine, "/v1/nodes")
        _compare(machine, "/v1/nodes", {"nodes": views.nodes()}, {"nodes": _named(listed, views)})
        stranded = {one["node"]: one["stranded"] for one in listed["nodes"] if one["stranded"]}
        away = [one["node"] for one in listed["nodes"] if one["connected"]]
        _compare(machine, "/v1/nodes", views.stranded(away), stranded)
        for item in sorted({item for items in views.accounts.values() for item in items}):
            await _get(machine, f"/v1/availability/{quote(item)}")
    await _compare_metrics(machine, views)


async def _compare_metrics(machine: StackMachine, views: Views) -> None:
    """The gauges show what the status shows. The counters count each entry once since the start of the process."""
    answer = await machine.call(Call("GET", "/metrics"), PATIENCE_S)
    if answer is None or answer.status != 200:
        raise Violation("Verdict", 0, f"{machine.name} does not answer /metrics: {answer}")
    lines = [line.rpartition(" ") for line in answer.body.decode().splitlines() if not line.startswith("#")]
    found = {name: float(value) for name, _, value in lines}
    connected = [
        name.partition('"')[2].rstrip('"}')
        for name, value in found.items()
        if name.startswith("shelfsync_peer_connected{") and value
    ]
    expected = views.metrics(connected)
    expected["shelfsync_entries_written_total"] = views.entries - machine.loaded
    shown = ("shelfsync_breached_items{", "shelfsync_stranded_units{")
    _compare(
        machine,
        "/metrics",
        expected,
        {name: found[name] for name in found if name in expected or name.startswith(shown)},
    )


def _named(listed: Any, views: Views) -> list[str]:
    """The listed nodes that the entries name. A hub also lists nodes that it only met."""
    return [one["node"] for one in listed["nodes"] if one["node"] in views.nodes()]


def _compare(machine: StackMachine, view: str, expected: dict[str, Any], found: dict[str, Any]) -> None:
    for name in {**expected, **found}:
        if found.get(name) != expected.get(name):
            raise Violation(
                "Verdict", 7, f"{machine.name} shows {name} {found.get(name)} in {view}, not {expected.get(name)}"
            )


def _check_keys(machine: StackMachine, history: History, entries: list[dict[str, Any]]) -> None:
    scopes = machine.role.scopes
    keys = Counter(entry["key"] for entry in entries)
    for ask in history.asks:
        scope = ask.location or (ask.entry.stream.scope if ask.entry is not None else CHAIN)
        if ask.is_impostor or not (scopes is None or scope in scopes):
            continue
        times = keys.get(key_text(ask.key), 0)
        if times not in _expected(ask):
            raise Violation("Verdict", 3, f"{machine.name} has {key_text(ask.key)} {times} times: {ask.outcome.value}")


def _expected(ask: Ask) -> tuple[int, ...]:
    match ask.outcome:
        case AddOutcome.ACKNOWLEDGED:
            return tuple(range(1, len(ask.tried) + 1))
        case AddOutcome.REFUSED:
            return (0,)
        case AddOutcome.UNKNOWN:
            return tuple(range(len(ask.tried) + 1))


def _corrected(chain: SimulatedChain) -> list[tuple[str, Entry]]:
    """Counts and corrections, each once."""
    found = {
        stored.entry.hash: (machine.name, stored.entry)
        for machine in chain.machines.values()
        for stored in machine.disk.stored
        if stored.entry.content.kind in (COUNT, CORRECTION)
    }
    return list(found.values())
