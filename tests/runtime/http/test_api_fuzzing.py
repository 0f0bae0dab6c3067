"""Generated requests to each call of both nodes: the answers are as the OpenAPI document says.

Schemathesis makes the requests from the document of the node: those that fit it, and those that do not. The same
requests are made in each run.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis import Case, HookContext
from schemathesis.config import (
    ChecksConfig,
    GenerationConfig,
    PhasesConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.transport import Response
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import CheckNode

from replica.runtime.http.operations import KEY_HEADER
from replica.runtime.process import Assembly
from tests.callers import Caller, calling
from tests.runtime.http.test_names_in_paths import at_hub, at_store

Assemble = Callable[[Path], Awaitable[Assembly]]

EXAMPLES_MAX = 12
"""Generated requests of each mode to each call."""

ENDLESS = r"feed$|^/v1/sync$"
"""Paths of calls whose answers have no end: feeds, and the WebSocket of peers."""

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
)

FREE = ("cursor", "prefix", "channel", "pool", "plan")
"""Parameters that are any text."""

EXAMPLES = {
    "sku": "cola",
    "item": "cola",
    "barcode": "cola",
    "order": "o-1",
    "kind": "price",
    "key": "cola",
    "q": "c",
}
"""What parameters may name, so that requests find something."""

DELIVERY: dict[str, Any] = {
    "calendar": {"windows": [{"start": "08:00", "end": "20:00"}]},
    "area": {
        "covers": [{"type": "distance", "km": 20_000.0, "location": "w-1"}, {"type": "division", "country": "CN"}],
        "bans": [{"goods": {"attributes": {"hazard": True}}, "reasons": {"en": "Not by plane"}}],
        "calendars": ["default"],
    },
    "carrier": {"lanes": [{"first": 1, "last": 2}], "calendars": ["default"]},
    "sourcing": {"last_units": 2},
}
"""Documents of a hub, by which orders to some addresses are sent."""

REFUSED = [400, 403, 404, 405, 409, 410, 413, 422]
"""Statuses of the answers to a request that does not fit the document."""


@contextmanager
def served(assemble: Assemble) -> Iterator[tuple[str, dict[str, Any]]]:
    """Serve a new node from a thread of its own; yield its address and its document."""
    begun: Future[tuple[str, dict[str, Any]]] = Future()
    done = threading.Event()

    async def serve() -> None:
        with tempfile.TemporaryDirectory() as data:
            async with calling(await assemble(Path(data))) as caller:
                await write_goods(caller)
                begun.set_result((str(caller.client.make_url("/")), await caller.good("/openapi.json")))
                await asyncio.to_thread(done.wait)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if not begun.done():
                begun.set_exception(error)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield begun.result(timeout=30)
    finally:
        done.set()
        thread.join()


def configuration(address: str) -> SchemathesisConfig:
    """What is generated and checked."""
    checks = {name: {"enabled": True} for name in CHECKS}
    checks["negative_data_rejection"]["expected-statuses"] = REFUSED
    project = ProjectConfig(
        checks=ChecksConfig.from_dict({"enabled": False, **checks}),
        generation=GenerationConfig(max_examples=EXAMPLES_MAX, deterministic=True, no_shrink=True, database="none"),
        phases=PhasesConfig.from_dict({"stateful": {"enabled": False}}),
        workers=1,
        continue_on_failure=True,
        base_url=address,
        request_timeout=10,
    )
    return SchemathesisConfig(projects=ProjectsConfig(default=project), seed=1)


def is_refused_inside(response: Response | None) -> bool:
    """Whether a call about many things was answered with a verdict for each, and one of them is a refusal."""
    answer = response.json() if response is not None and response.status_code in (200, 207) else None
    return isinstance(answer, dict) and any(one.get("problem") is not None for one in answer.get("verdicts", ()))


def failures_of(checks: Sequence[CheckNode], response: Response | None) -> Iterator[str]:
    """The checks of one answer that failed. A call about many things refuses by its verdicts."""
    for check in checks:
        why = check.failure_info
        if why is not None and not (check.name == "negative_data_rejection" and is_refused_inside(response)):
            yield f"{why.failure}\n{why.code_sample}"


_keys = count(1)


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Give each write a key of its own, except those that are to have a wrong one."""
    headers = case.meta.components.get(ParameterLocation.HEADER) if case.meta is not None else None
    if KEY_HEADER in case.headers and headers is not None and headers.mode.is_positive:
        case.headers[KEY_HEADER] = f"fuzzing-{next(_keys)}"


def failures(document: dict[str, Any], address: str) -> tuple[list[str], Counter[tuple[str, int]]]:
    """Send generated requests to each call of a document; return what failed, and the answers by call and status."""
    schema = schemathesis.openapi.from_dict(document, config=configuration(address)).exclude(path_regex=ENDLESS)
    found: list[str] = []
    answered: Counter[tuple[str, int]] = Counter()
    for event in from_schema(schema).execute():
        match event:
            case NonFatalError():
                found.append(f"{event.label}: {event.value}")
            case FatalError():
                raise event.exception
            case ScenarioFinished(recorder=recorder, label=label):
                for case, checks in recorder.checks.items():
                    response = recorder.interactions[case].response
                    answered[label, response.status_code if response is not None else 0] += 1
                    found += [f"{label}: {failure}" for failure in failures_of(checks, response)]
    return found, answered


def with_examples(document: dict[str, Any], location: str) -> dict[str, Any]:
    """A document that names what `write_goods` wrote, so that some requests find it."""
    examples = {**EXAMPLES, "location": location}
    for calls in document["paths"].values():
        for parameter in (one for call in calls.values() for one in call["parameters"]):
            if parameter["name"] in examples and parameter["in"] != "header":
                parameter["examples"] = {"known": {"value": examples[parameter["name"]]}}
    return document


async def write_goods(caller: Caller) -> None:
    """A SKU with a price, stock, a sale or an order, and a breach."""
    is_store = caller.node.replica.node.startswith("store")
    where = "" if is_store else "?location=w-1"
    document = "?rank=store" if is_store else ""
    if not is_store:
        await caller.good("/v1/documents/sku/cola", {"recipe": {"cola": 1}, "names": {"en": "Cola"}}, method="PUT")
        place = {"type": "warehouse", "name": "One", "region": "east", "lat": 48.1, "lon": 11.6}
        await caller.good("/v1/documents/location/w-1", place, method="PUT")
        for kind, value in DELIVERY.items():
            await caller.good(f"/v1/documents/{kind}/default", value, method="PUT")
    await caller.good(f"/v1/documents/price/cola{document}", {"amount": 99, "currency": "EUR"}, method="PUT")
    await caller.good(f"/v1/receipts{where}", {"lines": [{"item": "cola", "quantity": 50}]})
    order = {"order": "o-1", "channel": "web", "lines": [{"sku": "cola", "quantity": 2}]}
    await caller.good("/v1/holds" if is_store else "/v1/orders", order)
    if is_store:
        await caller.good("/v1/sales", {"lines": [{"sku": "cola", "quantity": 60}]})


@pytest.mark.parametrize(("assemble", "location"), [(at_store, "store-1"), (at_hub, "w-1")], ids=["store", "hub"])
def test_generated_requests_get_the_answers_that_the_document_describes(assemble: Assemble, location: str) -> None:
    with served(assemble) as (address, document):
        found, answered = failures(with_examples(document, location), address)
    assert found == [], "\n\n".join(found)
    calls = {f"{method.upper()} {path}" for path, calls in document["paths"].items() for method in calls}
    unasked = calls - {label for label, _ in answered}
    assert all(label.endswith(("feed", "/v1/sync")) for label in unasked), unasked
    succeeded = {label for label, status in answered if 200 <= status < 300 and status != 204}
    assert 3 * len(succeeded) > 2 * len(calls - unasked), sorted(calls - succeeded)


@pytest.mark.parametrize(
    "change",
    [
        lambda call: call["responses"]["200"]["content"]["application/json"].update(schema={"type": "integer"}),
        lambda call: [call["responses"].pop(status) for status in ("200", "4XX")],
        lambda call: call["parameters"].append({"name": "unit", "in": "query", "schema": {"type": "integer"}}),
    ],
    ids=["another answer", "a missing status", "an unchecked parameter"],
)
def test_an_answer_that_the_document_does_not_describe_is_found(change: Callable[[Any], object]) -> None:
    with served(at_store) as (address, document):
        path = "/v1/stock/{item}"
        document["paths"] = {path: document["paths"][path]}
        change(document["paths"][path]["get"])
        found, _ = failures(with_examples(document, "store-1"), address)
    assert found


@pytest.mark.parametrize("assemble", [at_store, at_hub], ids=["store", "hub"])
def test_each_parameter_has_a_description_and_a_type(assemble: Assemble) -> None:
    with served(assemble) as (_, document):
        for path, calls in document["paths"].items():
            for parameter in (one for call in calls.values() for one in call["parameters"]):
                assert parameter["description"], (path, parameter)
                assert {"type", *parameter["schema"]} != {"type"} or parameter["name"] in FREE, (path, parameter)
