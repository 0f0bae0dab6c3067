"""The checks of what a whole node shows over HTTP: it follows from the entries, also right after a restart."""

from __future__ import annotations

import asyncio
from typing import Any

from simulations.checkers.checker import Violation
from simulations.checkers.views import model_of
from simulations.full_stack.calls import QUOTE, Call, HttpAnswer, quote_call
from simulations.full_stack.machine import StackMachine
from simulations.reference.answers import ANYTHING, difference
from simulations.reference.baskets import quote
from simulations.reference.clocks import time_text
from simulations.reference.edits import version_of
from simulations.reference.price_documents import STORE, price_documents
from simulations.reference.view_reading import Get, read_entries, read_views
from simulations.reference.views import Views

PATIENCE_S = 10.0

LOOKS = 50
"""How often a restarted node is asked within that time whether it is ready."""

DAY_MS, HOUR_MS = 86_400_000, 3_600_000

HOURS = range(0, 7 * 24, 29)
"""Hours since midnight at which goods are priced: on each day of a week, at other times of day."""

MOMENTS_MAX = 4
"""Moments of documents at which goods are priced, the latest ones."""

PIECES = 3
"""Units of the first SKU in a quote; each further one has one more."""

GROUPS = ("", "staff", "members")

Entries = list[dict[str, Any]]


async def check_views(machine: StackMachine, entries: Entries) -> None:
    """Compare what a node shows with its entries, restart it, and compare again. Raises Violation."""
    before = await _compared(machine, entries)
    await _restart(machine)
    found = await read_entries(reader_of(machine))
    after = await _compared(machine, found)
    if len(found) == len(entries):
        for path, shown in before.items():
            if after.get(path, shown) != shown:
                _fail(machine, f"shows {after[path]} in {path} after a restart, and {shown} before")


def reader_of(machine: StackMachine) -> Get:
    """What reads a path at a machine. It raises Violation if the machine does not answer 200."""

    async def get(path: str) -> Any:
        return document_of(machine, path, await machine.call(Call("GET", path), PATIENCE_S))

    return get


def document_of(machine: StackMachine, path: str, answer: HttpAnswer | None) -> Any:
    """The document of an answer. Raises Violation if the machine did not answer 200."""
    if answer is None or answer.status != 200:
        raise Violation("Verdict", 0, f"{machine.name} does not answer {path}: {answer}")
    return answer.document()


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


async def _compared(machine: StackMachine, entries: Entries) -> dict[str, Any]:
    """The views of a node by their paths; none if its journal grew meanwhile. Raises Violation."""
    get = reader_of(machine)
    try:
        await _compare_figures(machine, Views(machine.role.name, entries))
        return await _compare_lists(machine, entries)
    except Violation:
        if (await get("/v1/status"))["entries"] == len(entries):
            raise
        return {}  # the node wrote meanwhile, or a peer sent entries


async def _compare_lists(machine: StackMachine, entries: Entries) -> dict[str, Any]:
    model, is_hub = model_of(machine, entries), machine.role.role == "hub"
    shown = await read_views(reader_of(machine), model, "" if is_hub else machine.role.locations[0])
    for fault in model.find(shown):
        _fail(machine, fault)
    return shown | await _compare_quotes(machine, entries)


async def _compare_quotes(machine: StackMachine, entries: Entries) -> dict[str, Any]:
    """Quotes at each store that a node knows, at each time of day and after the last change of a document."""
    writes = [one for one in entries if one["kind"] == "document"]
    documents = price_documents((one["facts"], version_of(one)) for one in writes)
    shown: dict[str, Any] = {}
    if not documents.skus():
        return shown
    now_ms, is_hub = machine.clock.now().wall_ms // DAY_MS * DAY_MS, machine.role.role == "hub"
    moments = [*(now_ms + hours * HOUR_MS for hours in HOURS), *documents.moments()[-MOMENTS_MAX:]]
    goods = [(sku, PIECES + number) for number, sku in enumerate(documents.skus())]
    stores = dict.fromkeys(one["scope"] for one in writes if one["facts"]["rank"] == STORE) if is_hub else {"": None}
    for number, at_ms in enumerate(moments):
        group = GROUPS[number % len(GROUPS)]
        for location in stores:
            call = quote_call(goods, group, at_ms, location)
            found = document_of(machine, QUOTE, await machine.call(call, PATIENCE_S))
            expected = quote(documents, goods, location or machine.role.locations[0], at_ms, group)
            wrong = difference({**expected, "location": ANYTHING, "at": time_text(at_ms)}, found)
            if wrong:
                _fail(machine, f"answers {call}: {wrong}")
            shown[f"{QUOTE} {location} {at_ms} {group}"] = found
    return shown


async def _compare_figures(machine: StackMachine, views: Views) -> None:
    get = reader_of(machine)
    status = await get("/v1/status")
    if machine.role.role == "hub":
        expected = views.status_of_hub(status["connected"])
        listed = await get("/v1/nodes")
        _compare(machine, "/v1/nodes", {"nodes": views.nodes()}, {"nodes": _named(listed, views)})
        stranded = {one["node"]: one["stranded"] for one in listed["nodes"] if one["stranded"]}
        away = [one["node"] for one in listed["nodes"] if one["connected"]]
        _compare(machine, "/v1/nodes", views.stranded(away), stranded)
    else:
        connected = [status["hub"]] if status["hub"] else []
        expected = views.status_of_store(machine.role.locations[0], connected)
    _compare(machine, "/v1/status", expected, {name: status[name] for name in expected})
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
    shown = {name: value for name, value in found.items() if name in expected or name.startswith(views.GAUGES)}
    _compare(machine, "/metrics", expected, shown)


def _named(listed: Any, views: Views) -> list[str]:
    """The listed nodes that the entries name. A hub also lists nodes that it only met."""
    return [one["node"] for one in listed["nodes"] if one["node"] in views.nodes()]


def _compare(machine: StackMachine, view: str, expected: dict[str, Any], found: dict[str, Any]) -> None:
    for name in {**expected, **found}:
        if found.get(name) != expected.get(name):
            _fail(machine, f"shows {name} {found.get(name)} in {view}, not {expected.get(name)}")


def _fail(machine: StackMachine, fault: str) -> None:
    raise Violation("Verdict", 7, f"{machine.name} {fault}")
