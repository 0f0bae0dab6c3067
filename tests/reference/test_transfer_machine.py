"""A store answers each step of its transfers as the model does: over HTTP, in any order, with retries and restarts."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from copy import deepcopy
from random import Random
from typing import Any

import pytest
from aiohttp import web
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from edge_node.api import EdgeApi
from edge_node.role import store_role
from replica.core.state.replica import Replica
from replica.runtime.http.fast_path import FastRead
from replica.runtime.http.operations import make_app
from replica.runtime.node import Node
from replica.runtime.peering.websocket import HttpNetwork
from simulations.clock import SimulatedClock
from simulations.full_stack.loop import StackLoop
from simulations.journal import SimulatedJournal
from simulations.mutations.mutation import Mutation, planted, slip
from simulations.reference.answers import Request
from simulations.reference.transfers import Refused, TransferModel
from tests.reference.comparison import machine_settings
from tests.reference.serving import LOCATION, WRITER, FixedEntropy, Served, as_json, light

ITEMS = ("apple", "bolt")

UNHEARD = "t2ywe3vaorx2gp"
"""The number of a transfer that nobody requested here."""

quantities = st.integers(1, 6)
lines = st.lists(
    st.fixed_dictionaries({"item": st.sampled_from(ITEMS), "quantity": quantities}), min_size=1, max_size=3
)
arrived = st.lists(
    st.fixed_dictionaries(
        {"item": st.sampled_from(ITEMS), "quantity": quantities},
        optional={"condition": st.sampled_from(("good", "damaged"))},
    ),
    min_size=1,
    max_size=3,
)
explained = st.lists(
    st.fixed_dictionaries(
        {
            "item": st.sampled_from(ITEMS),
            "quantity": quantities,
            "reason": st.sampled_from(("lost", "found", "over", "taken_back")),
        }
    ),
    min_size=1,
    max_size=2,
)


class OpenStore(Served):
    """A store whose catalogue is open, with its journal in memory."""

    async def _assemble_in_memory(self) -> tuple[web.Application, dict[str, FastRead]]:
        role, journal = store_role(LOCATION), SimulatedJournal(self._disk, WRITER)
        image = await journal.load()
        replica = Replica(WRITER, (LOCATION,), image, open_catalog=True, order_policy=role.order_policy)
        entropy = FixedEntropy(Random(0))
        self.node = Node(
            replica, journal, role, region="store", clock=self._clock, entropy=entropy, network=HttpNetwork()
        )
        api = EdgeApi(self.node, LOCATION, ())
        return make_app(api.operations(), loopback_only=False), api.fast_calls


class TransferMachine(RuleBasedStateMachine):
    """Steps of transfers in any order, their retries, and restarts of the store."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = StackLoop(Random(0))
        self._stack = ExitStack()
        self._stack.enter_context(light(self._loop))
        self._store = OpenStore(SimulatedClock(self._loop.time), None, is_fast=True)
        self._model = TransferModel(LOCATION)
        self._sent: list[tuple[Request, int, Any]] = []
        self._run(self._store.start())
        goods = [{"item": item, "quantity": 9} for item in ITEMS]
        assert self._post("/v1/receipts", {"lines": goods})[0] == 201
        self._model.free = dict.fromkeys(ITEMS, 9)
        for ends in ((LOCATION, "b"), ("b", LOCATION)):
            self._request([{"item": "apple", "quantity": 6}, {"item": "bolt", "quantity": 3}], True, ends)

    def teardown(self) -> None:
        self._run(self._store.stop())
        self._stack.close()
        self._loop.close()

    def _run(self, work: Any) -> Any:
        return self._loop.run_until_complete(asyncio.wait_for(work, 60.0))

    def _ask(self, request: Request) -> tuple[int, Any]:
        ((status, body),) = self._run(self._store.ask([request]))
        return status, json.loads(body)

    def _post(self, path: str, body: Any) -> tuple[int, Any]:
        request = Request("POST", path, {}, as_json(body), f"key-{len(self._sent)}")
        status, answer = self._ask(request)
        self._sent.append((request, status, answer))
        return status, answer

    def _compare(self, path: str, body: Any, step: Any, expected: int = 200) -> Any:
        """Send a request, and let the model do the same. Both succeed, or both refuse it with one type."""
        before = deepcopy(self._model)
        status, answer = self._post(path, body)
        try:
            step(self._model)
        except Refused as refused:
            self._model = before
            assert (status >= 400, answer.get("type")) == (True, str(refused)), (path, body, answer)
            return None
        assert status == expected, (path, body, answer)
        return answer

    @rule(lines=lines, approve=st.booleans(), ends=st.sampled_from((("", "b"), ("b", ""), ("", ""), ("b", "c"))))
    def request(self, lines: list[dict[str, Any]], approve: bool, ends: tuple[str, str]) -> None:
        self._request(lines, approve, ends)

    def _request(self, lines: list[dict[str, Any]], approve: bool, ends: tuple[str, str]) -> None:
        source, target = (one or LOCATION for one in ends)
        body = {"from": source, "to": target, "lines": lines, "approve": approve}
        made: list[Any] = []

        def step(model: TransferModel) -> None:
            made.append(model.request(source, target, lines, approve=approve))

        answer = self._compare("/v1/transfers", body, step, 201)
        if answer is not None:
            self._model.transfers[answer["transfer"]] = made[0]
            assert answer["state"] == made[0].state

    def _number(self, data: st.DataObject) -> str:
        return str(data.draw(st.sampled_from([*list(self._model.transfers) * 2, UNHEARD]), label="transfer"))

    def _step(self, number: str, name: str, body: Any, step: Any) -> None:
        answer = self._compare(f"/v1/transfers/{number}/{name}", body, step)
        if answer is not None:
            assert answer["state"] == self._model.transfers[number].state

    @rule(data=st.data())
    def approve(self, data: st.DataObject) -> None:
        number = self._number(data)
        self._step(number, "approve", {}, lambda model: model.approve(number))

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        number = self._number(data)
        self._step(number, "cancel", {"reason": "no"}, lambda model: model.cancel(number))

    @rule(data=st.data(), lines=st.none() | lines, last=st.booleans(), has_left=st.booleans())
    def ship(self, data: st.DataObject, lines: Any, last: bool, has_left: bool) -> None:
        number = self._number(data)
        body = {"last": last, "on_shortage": "record" if has_left else "refuse"}
        body |= {"lines": lines} if lines is not None else {}
        self._step(number, "ship", body, lambda model: model.ship(number, lines, last=last, has_left=has_left))

    @rule(data=st.data(), lines=st.none() | arrived)
    def receive(self, data: st.DataObject, lines: Any) -> None:
        number = self._number(data)
        body = {"lines": lines} if lines is not None else {}
        self._step(number, "receive", body, lambda model: model.receive(number, lines))

    @rule(data=st.data(), lines=explained)
    def settle(self, data: st.DataObject, lines: Any) -> None:
        number = self._number(data)
        self._step(number, "settle", {"lines": lines}, lambda model: model.settle(number, lines))

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        request, status, answer = data.draw(st.sampled_from(self._sent), label="repeated")
        if status < 400:
            assert self._ask(request) == (status, answer)

    @rule()
    def restart(self) -> None:
        self._run(self._store.stop())
        self._run(self._store.start())

    @invariant()
    def store_shows_what_the_model_has(self) -> None:
        for number, transfer in self._model.transfers.items():
            status, view = self._ask(Request("GET", f"/v1/transfers/{number}"))
            assert (status, view["state"], view["units"]) == (200, transfer.state, transfer.shown)
        for item in ITEMS:
            _, stock = self._ask(Request("GET", f"/v1/stock/{item}"))
            free, aside = self._model.free.get(item, 0), self._model.aside.get(item, 0)
            assert (stock["on_hand"], stock["available"], stock["quarantined"]) == (free + aside, free, aside)
            known = list(self._model.transfers.values())
            leaving = sum(max(0, one.outstanding(item)) for one in known if one.source == LOCATION)
            coming = sum(max(0, one.outstanding(item)) for one in known if one.target == LOCATION)
            assert stock.get("in_transit", 0) == leaving
            assert sum(one["quantity"] for one in stock.get("incoming", ())) == coming


TestTransfers = TransferMachine.TestCase
TestTransfers.settings = machine_settings(25)

STEPS, SHIPMENTS = "replica.core.stock.transfer_steps", "replica.core.stock.shipments"

SLIPS = {
    "a cancelled transfer is approved": slip(f"{STEPS}:prepare_approval", ("if transfer.is_cancelled:", "if False:")),
    "more leaves than was requested": slip(
        f"{SHIPMENTS}:prepare_shipment", ("_check_remaining(resolved, remaining)", "pass")
    ),
    "a settlement explains anything": slip(f"{STEPS}:prepare_settlement", ("if line.quantity > there:", "if False:")),
    "damaged goods are shown as good": slip(
        "replica.core.stock.transfer:_count", ("units.damaged += number", "units.damaged += 0")
    ),
}
"""Slips of the code that the machine must see."""


@pytest.mark.parametrize("name", SLIPS)
def test_the_machine_sees_a_slip(name: str) -> None:
    edit = SLIPS[name]
    quick = settings(machine_settings(60), phases=(Phase.generate,), report_multiple_bugs=False)
    with (
        planted(Mutation(name="", breaks="", invariant=0, expected=(), edits=(edit,))),
        pytest.raises(AssertionError),
    ):
        run_state_machine_as_test(TransferMachine, settings=quick)
