"""Imports and exports at a node in this process: verdicts, repeated files, lost answers, and round trips."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shelfsync.importing.columns import KINDS
from shelfsync.importing.export_command import LinesFile, TableFile, documents_of, levels_of
from shelfsync.importing.files import Unreadable, digest_of, format_of
from shelfsync.importing.mapping import ColumnMapping
from shelfsync.importing.rows import Rows, Source
from shelfsync.importing.sending import NodeSilent, Target, send_documents, send_levels
from shelfsync.importing.verdicts import FileReport, Summary, Verdict
from tests.callers import Caller


@asynccontextmanager
async def asking(url: str, **options: Any) -> AsyncIterator[Target]:
    """A client of a node."""
    async with aiohttp.ClientSession() as client:
        yield Target(client=client, url=url, **{"patience_s": 20.0, **options})


def url_of(node: Caller) -> str:
    """The address of a node."""
    return str(node.client.server.make_url("")).rstrip("/")


async def send(node: Caller, path: Path, kind: str, run: str = "run-1", url: str = "", **options: Any) -> list[Verdict]:
    """Import a file. Return the verdicts."""
    source = {name: options.pop(name) for name in ("rank", "at", "mapping") if name in options}
    rows = Rows(KINDS[kind], Source(path=path, format=format_of(path), **source))
    async with asking(url or url_of(node), **options) as target:
        if kind == "levels":
            return [one async for batch in send_levels(target, rows, digest_of(path)) for one in batch.verdicts]
        return [one async for batch in send_documents(target, rows, run) for one in batch.verdicts]


async def export(node: Caller, path: Path, kind: str, rank: str = "chain", at: str = "", location: str = "") -> Path:
    """Export documents or levels."""
    with path.open("w", encoding="utf-8", newline="") as file:
        chosen = KINDS[kind]
        is_lines = path.suffix == ".ndjson"
        written = LinesFile(file, chosen) if is_lines else TableFile(file, chosen, rank, for_spreadsheets=False)
        async with asking(url_of(node)) as target:
            found = levels_of(target, location) if kind == "levels" else documents_of(target, chosen, rank, at)
            async for one in found:
                written.put(one)
        written.end()
    return path


def statuses(verdicts: list[Verdict]) -> list[str]:
    return [one.status for one in verdicts]


def skus(tmp_path: Path, number: int = 1_200) -> Path:
    """A file with more SKUs than fit into two batches."""
    path = tmp_path / "skus.csv"
    rows = "".join(f"sku-{one},sku-{one}:1,Number {one},第{one}号\n" for one in range(number))
    path.write_text(f"sku,recipe,name.en,name.zh\n{rows}", "utf-8")
    return path


async def entries(node: Caller) -> int:
    return int((await node.good("/v1/status"))["entries"])


async def test_each_row_is_written_and_the_same_file_again_changes_nothing(hub: Caller, tmp_path: Path) -> None:
    path = skus(tmp_path)
    assert statuses(await send(hub, path, "skus")) == ["written"] * 1_200
    before = await entries(hub)
    again = await send(hub, path, "skus", "run-2")
    assert statuses(again) == ["unchanged"] * 1_200
    assert [one.row for one in again] == list(range(2, 1_202))
    assert await entries(hub) == before


async def test_a_file_puts_back_what_somebody_changed_meanwhile(hub: Caller, tmp_path: Path) -> None:
    path = skus(tmp_path, 3)
    await send(hub, path, "skus")
    await hub.good("/v1/documents/sku/sku-1", {"recipe": {"sku-1": 1}}, method="PUT")
    assert statuses(await send(hub, path, "skus", "run-2")) == ["unchanged", "written", "unchanged"]
    found = await hub.good("/v1/documents/sku/sku-1")
    assert found["value"]["names"]["en"] == "Number 1"


async def test_a_refusal_of_the_node_names_the_column_of_the_file(hub: Caller, tmp_path: Path) -> None:
    path = tmp_path / "skus.csv"
    path.write_text("Nr,Rezept,EAN\nsix,cola:6,\nbad key,,\ncrate,six:4,\nzero,cola:0,\near,,4006381333932\n")
    mapping = ColumnMapping(columns={"sku": "Nr", "recipe": "Rezept", "barcodes": "EAN"})
    verdicts = await send(hub, path, "skus", mapping=mapping)
    assert [(one.key, one.status, one.field) for one in sorted(verdicts, key=lambda one: one.row)] == [
        ("six", "written", ""),
        ("bad key", "refused", "Nr"),
        ("crate", "refused", "Rezept"),
        ("zero", "refused", "Rezept"),
        ("ear", "refused", "EAN"),
    ]
    assert "documents[" not in "".join(one.detail for one in verdicts)


async def test_a_dry_run_has_the_same_verdicts_and_writes_nothing(hub: Caller, tmp_path: Path) -> None:
    path = tmp_path / "skus.csv"
    path.write_text("sku,recipe\nsix,cola:6\nzero,cola:0\n")
    tried = await send(hub, path, "skus", is_dry_run=True)
    assert await entries(hub) == 0
    assert tried == await send(hub, path, "skus")


async def test_an_unknown_item_is_questioned_unless_the_caller_means_it(hub: Caller, tmp_path: Path) -> None:
    path = tmp_path / "skus.csv"
    path.write_text("sku,recipe\ncoconut,\nten,coconutt:10\n")
    assert statuses(await send(hub, path, "skus")) == ["written", "refused"]
    assert statuses(await send(hub, path, "skus", "run-2", has_new_items=True)) == ["unchanged", "written"]


async def test_a_row_waits_for_a_barcode_that_a_later_row_gives_up(hub: Caller, tmp_path: Path) -> None:
    path = tmp_path / "skus.csv"
    path.write_text("sku,barcodes\na,\nb,4006381333931\n")
    await send(hub, path, "skus")
    path.write_text("sku,barcodes\na,4006381333931\nb,\n")
    verdicts = await send(hub, path, "skus", "run-2")
    assert [(one.key, one.status) for one in verdicts] == [("b", "written"), ("a", "written")]


async def test_a_price_of_a_store_waits_for_the_limits_of_a_later_row(hub: Caller, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    header = "sku,amount,currency,override.max,rank,at"
    path.write_text(f"{header}\ncola,90,EUR,100,,\n")
    await send(hub, path, "prices")
    path.write_text(f"{header}\ncola,150,EUR,,store,w-1\ncola,90,EUR,200,,\n")
    assert [(one.row, one.status) for one in await send(hub, path, "prices", "run-2")] == [
        (3, "written"),
        (2, "written"),
    ]


async def test_levels_before_a_broken_row_are_counted(hub: Caller, tmp_path: Path) -> None:
    await send(hub, skus(tmp_path, 1), "skus")
    path = tmp_path / "levels.csv"
    path.write_text('location,item,on_hand\nw-1,sku-0,5\nw-2,"' + "y" * 200_000)
    verdicts: list[Verdict] = []
    async with asking(url_of(hub)) as target:
        with pytest.raises(Unreadable):
            async for batch in send_levels(target, Rows(KINDS["levels"], Source(path=path, format="csv")), "digest"):
                verdicts += batch.verdicts
    assert statuses(verdicts) == ["written"]
    assert (await hub.good("/v1/stock/w-1/sku-0"))["on_hand"] == 5


async def test_a_store_takes_rows_of_its_own_rank_only(store: Caller, tmp_path: Path) -> None:
    path = skus(tmp_path, 1)
    (refused,) = await send(store, path, "skus")
    assert (refused.status, refused.field) == ("refused", "rank")


async def test_a_kind_that_the_node_does_not_know_is_refused_at_once(hub: Caller, tmp_path: Path) -> None:
    path = tmp_path / "rows.ndjson"
    path.write_text('{"key": "summer", "value": {}}')
    unknown = KINDS["promotions"]
    rows = Rows(unknown, Source(path=path, format="ndjson"))
    rows.kind = type(unknown)(
        **{**{name: getattr(unknown, name) for name in unknown.__struct_fields__}, "document": "x"}
    )
    async with asking(url_of(hub)) as target:
        with pytest.raises(Unreadable, match="kind of document 'x'"):
            [one async for one in send_documents(target, rows, "run-1")]


async def test_a_broken_row_in_the_middle_loses_no_verdict_before_it(hub: Caller, tmp_path: Path) -> None:
    path = skus(tmp_path, 700)
    path.write_text(path.read_text("utf-8") + 'x,"' + "y" * 200_000, "utf-8")
    verdicts: list[Verdict] = []
    async with asking(url_of(hub)) as target:
        with pytest.raises(Unreadable):
            async for batch in send_documents(target, Rows(KINDS["skus"], Source(path=path, format="csv")), "run-1"):
                verdicts += batch.verdicts
    assert statuses(verdicts) == ["written"] * 700
    assert await entries(hub) == 700


@asynccontextmanager
async def losing(node: Caller, *, every: int) -> AsyncIterator[str]:
    """A line to a node that loses the answers to some requests, after the node decided them, and refuses others."""
    asked = 0

    async def forward(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if request.method == "POST" and asked % every == 0:
            return web.Response(status=503, headers={"Retry-After": "0"})
        body, headers = await request.read(), {"Idempotency-Key": request.headers.get("Idempotency-Key", "none")}
        sent = {**headers, "Content-Type": "application/json"}
        async with node.client.request(request.method, request.rel_url, data=body, headers=sent) as answer:
            found = await answer.read()
        if request.method == "POST" and asked % every == 1:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=answer.status, body=found, headers={"Date": answer.headers["Date"]})

    app = web.Application(client_max_size=8 << 20)
    app.router.add_route("*", "/{path:.*}", forward)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_lost_answers_and_503_lead_to_the_same_verdicts_and_one_write_each(hub: Caller, tmp_path: Path) -> None:
    path = skus(tmp_path, 2_000)
    async with losing(hub, every=3) as url:
        assert statuses(await send(hub, path, "skus", url=url)) == ["written"] * 2_000
    assert await entries(hub) == 2_000


async def test_a_node_that_stays_silent_ends_the_import(hub: Caller, tmp_path: Path) -> None:
    async with losing(hub, every=1) as url:
        with pytest.raises(NodeSilent, match="did not take a request"):
            await send(hub, skus(tmp_path, 5), "skus", url=url, patience_s=0.0)


async def test_levels_become_counts_and_the_same_file_counts_once(hub: Caller, tmp_path: Path) -> None:
    await send(hub, skus(tmp_path, 3), "skus")
    path = tmp_path / "levels.csv"
    path.write_text("location,item,on_hand\nw-1,sku-0,5\nw-2,sku-0,7\nw-1,sku-1,9\nw-1,nothing,1\nw-3,sku-0,1\n")
    verdicts = await send(hub, path, "levels")
    assert {(one.row, one.status, one.field) for one in verdicts} == {
        (2, "written", ""),
        (3, "written", ""),
        (4, "written", ""),
        (5, "refused", "item"),
        (6, "refused", "location"),
    }
    await hub.good("/v1/receipts?location=w-1", {"lines": [{"item": "sku-0", "quantity": 4}]})
    before = await entries(hub)
    assert statuses(await send(hub, path, "levels")).count("refused") == 2
    assert await entries(hub) == before
    assert (await hub.good("/v1/stock/w-1/sku-0"))["on_hand"] == 9
    await send(hub, path, "levels", reference="second")
    assert (await hub.good("/v1/stock/w-1/sku-0"))["on_hand"] == 5


async def test_exported_levels_count_nothing_new(hub: Caller, tmp_path: Path) -> None:
    await send(hub, skus(tmp_path, 2), "skus")
    for item, units in (("sku-0", 5), ("sku-1", 7)):
        await hub.good("/v1/receipts?location=w-1", {"lines": [{"item": item, "quantity": units}]})
    path = await export(hub, tmp_path / "levels.csv", "levels", location="w-1")
    assert path.read_text() == "item,location,on_hand\nsku-0,w-1,5\nsku-1,w-1,7\n"
    await send(hub, path, "levels")
    assert (await hub.good("/v1/stock/w-1/sku-1"))["on_hand"] == 7


DOCUMENTS: dict[str, dict[str, Any]] = {
    "skus": {
        "cola": {"recipe": {"cola": 1}, "names": {"en": ' "Cola", =1+1', "zh": "可乐\n第二行", "": "x"}},
        "cup": {"recipe": {"ice:cold": 2, "cola": 1}, "unit": "H87", "barcodes": ["4006381333931", "a b", "[x"]},
        "odd": {"recipe": {"{odd": 3}, "attributes": {"n": 1, "f": 1.0, "t": True, "s": "1", " x": "", "zip": "007"}},
    },
    "locations": {
        "s-1": {"type": "store", "name": "Shop", "region": "east", "lat": 31.2, "lon": -0.5},
        "s-2": {
            "type": "warehouse",
            "name": "库房",
            "region": "west",
            "address": {"city": "上海", "lines": ["1 Road", "a | b"]},
            "time_zone": "Asia/Shanghai",
            "hours": {"mon": "09:00-18:00"},
        },
    },
    "policies": {
        "default": {"mode": "both", "safety_stock": 3, "share": 0.5},
        "item:cola": {"mode": "safety", "safety_stock": {"forecast": {"quantile": 0.95}}, "last_units": 2},
        "location:w-1": {"mode": "share", "share": 0.1, "regions": {"east": 0.25}, "channels": {"web": 1e-05}},
    },
    "prices": {
        "cola": {"amount": 199, "currency": "EUR", "tax_inclusive": False, "per": 2, "override": {"min": 100}},
        "tea": {
            "amount": 0,
            "currency": "JPY",
            "valid_from": "2026-11-01T00:00:00+09:00",
            "valid_to": "2026-12-01T00:00:00Z",
            "scheduled": [{"amount": 5, "valid_from": "2026-11-15T00:00:00Z"}],
        },
    },
}
"""Documents with everything that a table may lose."""


@pytest.mark.parametrize("kind", list(DOCUMENTS))
@pytest.mark.parametrize("suffix", [".csv", ".ndjson"])
async def test_an_import_of_an_export_changes_nothing(hub: Caller, tmp_path: Path, kind: str, suffix: str) -> None:
    documents = [{"kind": KINDS[kind].document, "key": key, "value": value} for key, value in DOCUMENTS[kind].items()]
    written = await hub.good("/v1/documents:batch?new_items=true", {"documents": documents})
    assert [one["status"] for one in written["verdicts"]] == [200] * len(documents)
    path = await export(hub, tmp_path / f"documents{suffix}", kind)
    before = await entries(hub)
    assert statuses(await send(hub, path, kind)) == ["unchanged"] * len(documents)
    assert await entries(hub) == before


@pytest.mark.parametrize("suffix", [".csv", ".ndjson"])
async def test_an_export_of_one_rank_keeps_the_rank(hub: Caller, tmp_path: Path, suffix: str) -> None:
    at = {"kind": "price", "key": "cola", "rank": "store", "at": "w-1", "value": {"amount": 150, "currency": "EUR"}}
    await hub.good("/v1/documents:batch", {"documents": [at]})
    path = await export(hub, tmp_path / f"prices{suffix}", "prices", "store", "w-1")
    (verdict,) = await send(hub, path, "prices")
    assert (verdict.key, verdict.status) == ("cola", "unchanged")


async def test_promotions_go_round_as_ndjson(hub: Caller, tmp_path: Path) -> None:
    value = {"benefit": {"type": "percentage", "percent": 10}, "applies_to": {"skus": ["cola"]}}
    path = tmp_path / "promotions.ndjson"
    path.write_text(json.dumps({"key": "summer", "value": value}))
    assert [(one.status, one.detail) for one in await send(hub, path, "promotions")] == [("written", "")]
    exported = await export(hub, tmp_path / "again.ndjson", "promotions")
    assert statuses(await send(hub, exported, "promotions", "run-2")) == ["unchanged"]


async def test_a_price_past_the_limits_of_the_chain_names_its_column(hub: Caller, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("sku,price,currency,override.min,rank,at\ncola,1.99,EUR,150,,\ncola,1.00,EUR,,store,w-1\n")
    verdicts = await send(hub, path, "prices")
    assert [(one.row, one.status, one.field) for one in verdicts] == [(2, "written", ""), (3, "refused", "price")]


async def test_an_export_of_nothing_is_a_table_that_an_import_takes(hub: Caller, tmp_path: Path) -> None:
    for kind in ("skus", "locations", "policies"):
        path = await export(hub, tmp_path / f"{kind}.csv", kind)
        assert await send(hub, path, kind) == []


async def test_an_export_of_a_long_catalogue_has_each_document_once(hub: Caller, tmp_path: Path) -> None:
    await send(hub, skus(tmp_path, 2_500), "skus")
    path = await export(hub, tmp_path / "all.ndjson", "skus")
    keys = [json.loads(line)["key"] for line in path.read_text().splitlines()]
    assert sorted(keys) == sorted(f"sku-{one}" for one in range(2_500))


def test_a_report_has_each_verdict_in_either_format(tmp_path: Path) -> None:
    verdicts = [Verdict(2, "cola", "written"), Verdict(3, "x,y", "refused", "unit", 'not "known"')]
    for name in ("verdicts.csv", "verdicts.ndjson"):
        with FileReport(tmp_path / name) as report:
            report.put(verdicts)
            assert (tmp_path / name).read_text().count("\n") >= 2  # also if the process is killed now
    assert (tmp_path / "verdicts.csv").read_text().splitlines() == [
        "row,key,status,field,detail",
        "2,cola,written,,",
        '3,"x,y",refused,unit,"not ""known"""',
    ]
    lines = [json.loads(line) for line in (tmp_path / "verdicts.ndjson").read_text().splitlines()]
    assert lines[1] == {"row": 3, "key": "x,y", "status": "refused", "field": "unit", "detail": 'not "known"'}


def test_the_summary_shows_the_first_refusals_and_counts_all() -> None:
    summary = Summary()
    summary.put(Verdict(row, "x", "refused", "unit", "why") for row in range(30))
    lines = summary.lines(is_dry_run=False)
    assert len(lines) == 12
    assert lines[-2:] == ["… and 20 more refused rows", "0 written, 0 unchanged, 30 refused"]
