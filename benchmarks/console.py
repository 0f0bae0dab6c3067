"""The console of a hub over a large chain: when rows are painted, how the map moves, and what an open page keeps.

The stores are streams that the benchmark writes and delivers itself, each a few goods receipts of all items. To merge
five million cells takes a hub some minutes, so the hub is filled once, and each round begins with a copy of its file.
One Chromium looks at the hub. Times are from the call of the page to the frame that shows its rows.
"""

from __future__ import annotations

import asyncio
import http.client
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import aiohttp
import msgspec
from playwright.sync_api import CDPSession, Page, sync_playwright

from benchmarks.measure import Bench, Measured, Sample, apart
from benchmarks.merging import GREETING, Link
from benchmarks.sales import STOCKED, Workload, item_name, make_entries
from benchmarks.servers import Server, hub
from benchmarks.wire import Framer

STORES, QUICK_STORES = 500, 50
ITEMS, QUICK_ITEMS = 10_000, 500
ORDERS = 200
WAREHOUSE = "warehouse-1"
PER_BATCH = 1_000
REPEATS = 5
READS_EVERY_S = 5
"""How often the start page reads its list."""

FILL_S = "fill_s"
"""The file beside the data that says how long it took to fill the hub."""

HOUR_S = 3_600
MAP_S = 4


def measure_console(bench: Bench) -> Iterator[Sample]:
    """One round: start a hub that was filled before, then look at it."""
    stores, items = bench.sized(STORES, QUICK_STORES), bench.sized(ITEMS, QUICK_ITEMS)
    filled = bench.prepared("console-filled", lambda directory: _fill(directory, stores, items))
    fill_s = float((filled / FILL_S).read_text())
    with hub(bench.copied(filled, "console"), hosts=WAREHOUSE) as server:
        figures = {"fill s": fill_s, "start s": server.started_s, "hub resident MB": server.resident_mb}
        yield Sample(f"a hub with {stores:,} stores and {items:,} SKUs", figures)
        with _browser() as page:
            yield Sample("first page", _first_page(page, server))
            for case, view in _views(stores).items():
                yield Sample(f"painted: {case}", _painted(page, view))
            yield Sample("map", _map(page, server))
        with _browser() as page:
            yield Sample("an hour of updates", _hour(page, server, bench.sized(HOUR_S, HOUR_S // 20) // READS_EVERY_S))


# ---- filling the hub ----


def _fill(directory: Path, stores: int, items: int) -> None:
    """Fill the file of a hub, and note how long it took."""
    with hub(directory, hosts=WAREHOUSE) as server:
        began = time.perf_counter()
        apart(deliver, server.port, stores, items)
        _describe(server, stores, items)
        _place_orders(server)
        (directory / FILL_S).write_text(str(time.perf_counter() - began))


def deliver(port: int, stores: int, items: int) -> None:
    """Deliver the receipts of all stores."""
    asyncio.run(_deliver_all(port, stores, items))


async def _deliver_all(port: int, stores: int, items: int) -> None:
    async with aiohttp.ClientSession() as client:
        for number in range(1, stores + 1):
            await _deliver(client, port, f"store-{number}", items)


async def _deliver(client: aiohttp.ClientSession, port: int, name: str, items: int) -> None:
    """Deliver the entries of one store. They are made first, because a hub ends a session that is silent."""
    framer = Framer(before=GREETING)
    frames = [framer.frames(entries) for entries in make_entries(name, Workload(sales=1, items=items, stocked=STOCKED))]
    link = await Link.open(client, port, name)
    for some in frames:
        await link.deliver(some)
    await link.close()


def _describe(server: Server, stores: int, items: int) -> None:
    """Write the documents of all locations and SKUs."""
    side = int(stores**0.5) + 1
    documents: list[dict[str, Any]] = [
        {"kind": "location", "key": f"store-{number}", "value": _location(number, side)}
        for number in range(1, stores + 1)
    ]
    for number in range(items):
        item, name = item_name(number), f"Goods {number}"
        value = {"recipe": {item: 1}, "names": {"en": name, "zh": f"商品 {number}"}, "attributes": {"brand": "Kelvane"}}
        documents.append({"kind": "sku", "key": item, "value": value})
        documents.append({"kind": "price", "key": item, "value": {"amount": 99 + number % 900, "currency": "EUR"}})
    for first in range(0, len(documents), PER_BATCH):
        batch = {"documents": documents[first : first + PER_BATCH]}
        answer = _post(server, "/v1/documents:batch?new_items=true", batch)
        refused = [verdict for verdict in answer["verdicts"] if verdict["status"] != 200]
        if refused:
            raise RuntimeError(f"a document was refused: {refused[0]}")


def _location(number: int, side: int) -> dict[str, Any]:
    """A place on a grid over the middle of Europe."""
    lat, lon = 44 + 10 * (number // side) / side, 2 + 18 * (number % side) / side
    return {"type": "store", "name": f"Shop {number}", "region": "east", "lat": round(lat, 4), "lon": round(lon, 4)}


def _place_orders(server: Server) -> None:
    """Orders from a warehouse of the hub, which has rights to all its goods."""
    lines = [{"sku": item_name(number), "quantity": 1_000} for number in range(100)]
    _post(server, f"/v1/receipts?location={WAREHOUSE}", {"lines": lines})
    for number in range(ORDERS):
        line = {"sku": item_name(number % 100), "quantity": 2, "location": WAREHOUSE}
        _post(server, "/v1/orders", {"order": f"web-{number}", "channel": "web", "lines": [line]})


def _post(server: Server, path: str, body: Any) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
    connection.request("POST", path, msgspec.json.encode(body), headers)
    response = connection.getresponse()
    answer = msgspec.json.decode(response.read())
    connection.close()
    if response.status >= 300:
        raise RuntimeError(f"{path}: {response.status} {answer}")
    return answer


# ---- looking at it ----


@contextmanager
def _browser() -> Iterator[Page]:
    """A window of the Chromium of this machine."""
    path = shutil.which("chromium")
    if path is None:
        raise RuntimeError("chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", "--enable-precise-memory-info"]
        )
        yield browser.new_page(viewport={"width": 1_440, "height": 900}, locale="en-GB")
        browser.close()


_ROWS_SHOWN = """async () => {
  const isShown = () => [...document.querySelectorAll("main tbody tr")].some((row) => row.textContent.includes("Shop"));
  while (!isShown()) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now();
}"""


def _first_page(page: Page, server: Server) -> Measured:
    """The first look, with nothing in the cache of the browser, and the next one."""
    figures = {}
    for look in ("first", "next"):
        page.goto("about:blank")
        page.goto(f"{server.url}/#/", wait_until="commit")
        rows_ms = float(page.evaluate(_ROWS_SHOWN))
        paint = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
        figures[f"{look} paint ms"] = float(page.evaluate(paint))
        figures[f"{look} rows ms"] = rows_ms
    return figures


class View(msgspec.Struct, frozen=True):
    """A page to open, or a text to type into the field of the open page; and which rows then show it."""

    call: str
    """The call of which the rows are shown."""
    rows: str
    address: str = ""
    text: str = ""


def _views(stores: int) -> dict[str, View]:
    return {
        f"the list of {stores:,} locations": View("/v1/locations", "Shop", "#/"),
        "the stock of a store": View("/v1/stock/", "Goods", "#/locations/store-7"),
        "all SKUs": View("/v1/search", "Goods", "#/skus"),
        "a search for SKUs": View("/v1/search", "Goods 77", text="goods 77"),
        "a SKU at all locations": View("/v1/availability", "Shop", f"#/skus/{item_name(77)}"),
        "orders": View("/v1/orders", "web-199", "#/orders"),
        "a search for orders": View("/v1/orders", "web-150", text="web-15"),
        "prices": View("/v1/documents/price", "item-", "#/documents/price"),
    }


_PAINTED = """async ({address, text, call, rows}) => {
  const ends = performance.now() + 30_000;
  const frame = () => new Promise((done, fail) => {
    if (performance.now() > ends) fail(new Error(`no row with ${rows} at ${location.hash}`));
    requestAnimationFrame(done);
  });
  const shown = () => [...document.querySelectorAll("main tbody tr")].filter((row) => row.textContent.includes(rows));
  if (address) location.hash = "#/documents";
  while (address && !document.querySelector("main .cards")) await frame();
  performance.clearResourceTimings();
  const before = new Set(document.querySelectorAll("main tbody tr"));
  if (address) location.hash = address;
  else {
    const field = document.querySelector("main input[type=search]");
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const resources = () => performance.getEntriesByType("resource");
  const calls = () => resources().filter((one) => new URL(one.name).pathname.startsWith(call));
  const isNew = () => address || shown()[0] !== [...before][0];
  while (!calls().length || !shown().length || !shown()[0].textContent.includes(rows) || !isNew()) await frame();
  await frame();
  return { painted: performance.now() - calls()[0].startTime, called: calls()[0].duration };
}"""


def _painted(page: Page, view: View) -> Measured:
    """How long it takes from the call to the painted rows: each time on a page that is opened anew."""
    arguments = {"address": view.address, "text": view.text, "call": view.call, "rows": view.rows}
    times, calls = list[float](), list[float]()
    for turn in range(REPEATS + 1):
        if view.text:
            _clear(page, view)
        took = page.evaluate(_PAINTED, arguments)
        if turn:  # the first time, the browser loads the modules of the page
            times.append(took["painted"])
            calls.append(took["called"])
    return {"p50 ms": median(times), "worst ms": max(times), "call p50 ms": median(calls)}


_CLEARED = """(found) => {
  const rows = document.querySelectorAll("main tbody tr");
  return rows.length > 20 && !rows[0].textContent.includes(found);
}"""


def _clear(page: Page, view: View) -> None:
    """Empty the field, and wait until all rows are there again, and not those that were found first."""
    page.locator("main input[type=search]").fill("")
    page.wait_for_function("() => !location.hash.includes('q=')")
    page.wait_for_function(_CLEARED, arg=view.rows)


_MOVE = """async ([seconds, zooms]) => {
  const canvas = document.querySelector(".map canvas"), box = canvas.getBoundingClientRect();
  const at = (x, y) => ({ clientX: box.left + x, clientY: box.top + y, pointerId: 1, bubbles: true, cancelable: true });
  canvas.setPointerCapture = () => {};
  const waits = [];
  const began = performance.now();
  let last = began, turn = 0;
  canvas.dispatchEvent(new PointerEvent("pointerdown", at(200, 150)));
  while (last - began < seconds * 1000) {
    const x = 200 + 80 * Math.sin(turn / 10), y = 150 + 60 * Math.cos(turn / 10);
    const wheel = { ...at(x, y), deltaY: turn % 60 < 30 ? -20 : 20, ctrlKey: true };
    if (zooms) canvas.dispatchEvent(new WheelEvent("wheel", wheel));
    else canvas.dispatchEvent(new PointerEvent("pointermove", at(x, y)));
    await new Promise((done) => requestAnimationFrame(done));
    const now = performance.now();
    waits.push(now - last);
    last = now;
    turn += 1;
  }
  canvas.dispatchEvent(new PointerEvent("pointerup", at(200, 150)));
  waits.sort((a, b) => a - b);
  return { fps: (1000 * turn) / (last - began), slowest: waits[Math.floor(waits.length * 0.95)] };
}"""


def _map(page: Page, server: Server) -> Measured:
    """Frames a second while the map is moved and zoomed without a pause."""
    page.goto(f"{server.url}/#/")
    page.locator(".map canvas").wait_for(timeout=60_000)
    page.wait_for_timeout(1_000)
    moved, zoomed = (page.evaluate(_MOVE, [MAP_S, zooms]) for zooms in (False, True))
    return {
        "moved fps": moved["fps"],
        "zoomed fps": zoomed["fps"],
        "moved p95 ms": moved["slowest"],
        "zoomed p95 ms": zoomed["slowest"],
    }


def _hour(page: Page, server: Server, updates: int) -> Measured:
    """What the open start page keeps after the updates of an hour, in compressed time, while goods arrive."""
    page.clock.install()
    page.goto(f"{server.url}/#/")
    page.locator("tbody tr", has_text="Shop").first.wait_for(timeout=60_000)
    session = page.context.new_cdp_session(page)
    sizes = []
    for update in range(updates):
        _post(server, f"/v1/receipts?location={WAREHOUSE}", {"lines": [{"sku": item_name(0), "quantity": 1}]})
        with page.expect_response(lambda response: "/v1/locations" in response.url, timeout=60_000):
            page.clock.fast_forward(READS_EVERY_S * 1_000)
        if update % max(1, updates // 12) == 0:
            sizes.append(_heap_mb(session))
    settled = sizes[len(sizes) // 3 :]
    figures = {"updates": float(updates), "first MB": sizes[0], "settled MB": settled[0], "last MB": settled[-1]}
    return {**figures, "growth MB /h": growth(settled) * 12 * HOUR_S / (updates * READS_EVERY_S), **_nodes(session)}


def growth(sizes: Sequence[float]) -> float:
    """By how much sizes grow from one to the next: the slope of the line through them."""
    middle, mean = (len(sizes) - 1) / 2, sum(sizes) / len(sizes)
    spread = sum((at - middle) ** 2 for at in range(len(sizes)))
    return sum((at - middle) * (size - mean) for at, size in enumerate(sizes)) / spread if spread else 0.0


def _heap_mb(session: CDPSession) -> float:
    """Memory of the objects of the page that are in use."""
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def _nodes(session: CDPSession) -> Measured:
    counters = session.send("Memory.getDOMCounters")
    return {"DOM nodes": float(counters["nodes"]), "listeners": float(counters["jsEventListeners"])}
