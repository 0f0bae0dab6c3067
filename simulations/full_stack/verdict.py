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
