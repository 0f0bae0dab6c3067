"""`shelfsync demo`: a whole chain on this machine, with shoppers and failing connections.

Real hubs and stores run as child processes. Stores reach hubs, and hubs each other, only through proxies of this
process, so that the demo can really cut a connection. Tills sell all the time. A page, the lab, shows the chain and
lets a person cut, kill and sell (`shelfsync.lab`). In the end the demo restores all connections and all nodes. The
verdict compares all nodes with each other and with the answers that the tills got.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import click
from msgspec.structs import replace
from rich.console import Console

from replica.core.base.names import CHAIN
from replica.runtime.configuration import CONTEXT, configurable
from shelfsync.assortment import ONLINE, REGIONS, city_of, documents, goods
from shelfsync.chain import NodeDied
from shelfsync.lab.lab import Lab
from shelfsync.lab.server import serve
from shelfsync.network import LocalNetwork
from shelfsync.outages import SECONDS_MIN, AutomaticOutages, Outage, outages, pace_of
from shelfsync.screen import Screen, ScreenRow, Snapshot, screen_for
from shelfsync.tills import Book, Shoppers, Till, UnexpectedAnswer, uuid7
from shelfsync.verdict import Statuses, agreeing, await_agreement, sold_at, survey

STORES_MAX = 12
SECONDS_MAX = 86_400.0
TILLS_PER_STORE = 2

SURVEY_S = 0.5
"""The time between two reads of the status of all nodes."""

CATALOGUE_S = 30.0
"""How long the catalogue may take to reach all stores."""

CATALOGUE_POLL_S = 0.1

CONVERGE_S = 60.0
"""How long the nodes may take to agree after all connections work again."""

HOME_AFTER_S = 3.0


class Demo:
    """One demo on one chain."""

    def __init__(
        self, network: LocalNetwork, client: aiohttp.ClientSession, screen: Screen, seconds: float | None
    ) -> None:
        self._network = network
        self._client = client
        self._screen = screen
        self._seconds = seconds
        self._shoppers = Shoppers()
        self._books = {name: Book() for name in network.stores}
        self._lab: Lab | None = None
        self._now = ""
        self._began_s = self._healed_s = _clock_s()

    def close(self) -> None:
        """Close the stores. The verdict follows."""
        self._shoppers.close()

    async def run(self, directory: Path, stack: AsyncExitStack) -> bool:
        """Run the demo; True if the verdict is good. Raises NodeDied, UnexpectedAnswer."""
        network = self._network
        self._announce(f"starting {len(network.hubs)} hubs and {len(network.stores)} stores")
        chain = await network.start(directory, stack, HOME_AFTER_S)
        in_turn = outages(network.stores, network.hubs, network.home_hub, network.lines)
        automatic = AutomaticOutages(in_turn, pace_of(self._seconds), network.heal, self._show_outage)
        lab = self._lab = Lab(
            network, chain, self._client, self._books, self._shoppers, automatic, self._announce, self._began_s
        )
        running_day = asyncio.ensure_future(self._run_day(automatic, lab))
        others = [asyncio.ensure_future(work) for work in (chain.watch(), lab.run(), self._keep_showing())]
        try:
            await asyncio.wait([running_day, *others], return_when=asyncio.FIRST_COMPLETED)
            for task in others:
                if task.done():
                    task.result()
            return await running_day
        finally:
            await _cancel(running_day, *others)

    async def _run_day(self, automatic: AutomaticOutages, lab: Lab) -> bool:
        await self._load_catalogue()
        tills = [
            Till(f"{name}-till-{number}", self._network.urls[name], self._client, goods(), self._books[name])
            for name in self._network.stores
            for number in range(1, TILLS_PER_STORE + 1)
        ]
        await asyncio.gather(*(till.receive_first_delivery() for till in tills[::TILLS_PER_STORE]))
        async with AsyncExitStack() as stack:
            await lab.open()
            self._show_address(await serve(lab, stack))
            await self._shop(tills, automatic, lab)
            is_good = await self._judge()
            await lab.show_verdict(is_good)
            return is_good

    async def _load_catalogue(self) -> None:
        """Write goods and locations at the first hub, and wait until all nodes have them."""
        first = self._network.hubs[0]
        body = {"documents": [*documents(len(self._network.stores), len(self._network.hubs)), ONLINE]}
        headers = {"Idempotency-Key": str(uuid7())}
        url = f"{self._network.urls[first]}/v1/documents:batch"
        async with self._client.post(url, json=body, headers=headers) as response:
            verdicts = (await response.json())["verdicts"]
        refused = [verdict for verdict in verdicts if verdict["status"] != 200]
        if refused:
            raise UnexpectedAnswer(f"{first} refused a document: {refused[0]}")
        self._announce(f"{first} has {len(verdicts)} documents; waiting until all nodes have them")
        try:
            async with asyncio.timeout(CATALOGUE_S):
                while True:
                    if await self._has_catalogue():
                        return
                    await asyncio.sleep(CATALOGUE_POLL_S)
        except TimeoutError:
            raise UnexpectedAnswer(f"the catalogue did not reach all nodes within {CATALOGUE_S:g} s") from None

    async def _has_catalogue(self) -> bool:
        urls = self._network.urls
        statuses = await survey(self._client, urls)
        return len(statuses) == len(urls) and len({status["digests"][CHAIN] for status in statuses.values()}) == 1

    def _show_address(self, address: str) -> None:
        until = f"for {self._seconds:g} s" if self._seconds is not None else "until Ctrl-C"
        self._announce(f"the stores are open {until}")
        for line in ("", f"  {address}", "  Open this page to see the chain, cut its lines and sell.", ""):
            self._screen.say(line)

    async def _shop(self, tills: list[Till], automatic: AutomaticOutages, lab: Lab) -> None:
        """Sell during outages until closing time, then let all tills finish."""
        network = self._network
        serving = [asyncio.ensure_future(till.serve(self._shoppers)) for till in tills]
        failing = asyncio.ensure_future(automatic.run())
        open_hours = asyncio.ensure_future(self._closing_time())
        try:
            await asyncio.wait([failing, open_hours, *serving], return_when=asyncio.FIRST_COMPLETED)
            self._shoppers.close()
            await _cancel(failing, open_hours)
            network.heal()
            self._healed_s = _clock_s()
            self._announce("the stores are closed: all connections are restored, the tills serve the last customers")
            await lab.close()
            _, waiting = await asyncio.wait(serving, timeout=CONVERGE_S)
            for task in serving:
                if task not in waiting:
                    task.result()
        finally:
            await _cancel(failing, open_hours, *serving)

    async def _closing_time(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._shoppers.closed.wait()
        except TimeoutError:
            pass

    async def _judge(self) -> bool:
        self._announce("waiting until all nodes agree")
        left = await await_agreement(self._client, self._network.urls, self._books, CONVERGE_S)
        if self._seconds is not None:
            left += [f"no till of {name} sold anything" for name, book in self._books.items() if not book.sales]
        took_s = _clock_s() - self._healed_s
        await self._show()
        self._screen.settle()
        self._screen.say("")
        for difference in left:
            self._screen.say(f"  {difference}", "red")
        if left:
            self._screen.say(f"verdict: NOT EQUAL, {took_s:.0f} s after the connections were restored", "bold red")
            return False
        books = self._books.values()
        sales, returns = sum(book.sales for book in books), sum(book.returns for book in books)
        units = sum(book.units for book in books)
        self._screen.say(
            f"  {len(self._network.urls)} nodes have the same state, {took_s:.1f} s after the connections were restored"
        )
        self._screen.say(f"  the tills have {sales:,} sales and {returns:,} returns, {units:,} units in total")
        self._screen.say("  each ledger has the same units: no sale is lost, no sale is counted twice")
        self._screen.say("verdict: EQUAL", "bold green")
        return True

    async def _keep_showing(self) -> None:
        while True:
            await self._show()
            await asyncio.sleep(SURVEY_S)

    async def _show(self) -> None:
        statuses = await survey(self._client, self._network.urls)
        books = self._books.values()
        self._screen.show(
            Snapshot(
                elapsed_s=_clock_s() - self._began_s,
                now=self._now,
                sales=sum(book.sales for book in books),
                retries=sum(book.retries for book in books),
                hubs=len(self._network.hubs),
                rows=[self._row(statuses, name) for name in self._network.urls],
            )
        )

    def _row(self, statuses: Statuses, name: str) -> ScreenRow:
        network, status = self._network, statuses.get(name)
        is_hub = name in network.hubs
        city = name.removeprefix("hub-") if is_hub else city_of(network.stores.index(name))
        last_sold = "" if is_hub else self._books[name].last_sold
        row = ScreenRow(
            node=name, city=city, is_hub=is_hub, home_hub=network.home_hub.get(name, ""), last_sold=last_sold
        )
        if status is None:
            return row
        seen = {"answers": True, "digest": status["digest"][:8]}
        if is_hub:
            line = f"{len(status['connected'])} nodes"
            sold = sum(sold_at(status, location) for location in network.stores)
            equal = sum(statuses.get(hub, {}).get("digest") == status["digest"] for hub in network.hubs)
            return replace(row, line=line, units_sold=sold, agreeing=equal, **seen)
        line, sold, equal = status["hub"] or "", sold_at(status, name), len(agreeing(statuses, name))
        return replace(row, line=line, units_sold=sold, unacknowledged=status["unacknowledged"], agreeing=equal, **seen)

    def _show_outage(self, outage: Outage) -> None:
        self._announce(outage.text)
        if self._lab is not None:
            self._lab.records.add(outage.kind, **outage.values)

    def _announce(self, text: str) -> None:
        self._now = text
        self._screen.say(f"{_clock_s() - self._began_s:6.1f} s  {text}", "cyan")


def _long_enough(ctx: click.Context, param: click.Parameter, seconds: float | None) -> float | None:
    if seconds is not None and not SECONDS_MIN <= seconds <= SECONDS_MAX:
        text = f"{seconds:g} is not in {SECONDS_MIN:g}..{SECONDS_MAX:g}. The stores must be open for two outages"
        raise click.BadParameter(text, ctx, param)
    return seconds


@click.command(
    context_settings=CONTEXT,
    epilog="""\b
Examples:
  shelfsync demo
  shelfsync demo --stores 6 --regions 3
  shelfsync demo --seconds 30        stops by itself; the exit status is the verdict
""",
)
@configurable
@click.option("--stores", type=click.IntRange(1, STORES_MAX), default=3, show_default=True, help="Number of stores.")
@click.option(
    "--regions",
    type=click.IntRange(1, len(REGIONS)),
    default=2,
    show_default=True,
    help="Number of regions, each with a hub.",
)
@click.option(
    "--seconds",
    type=float,
    callback=_long_enough,
    help=f"Seconds that the stores are open, at least {SECONDS_MIN:g}. [default: until Ctrl-C]",
)
def demo(stores: int, regions: int, seconds: float | None) -> None:
    """Run a whole chain on this machine: real processes, shoppers, and failing connections.

    The demo ends with a verdict. The exit status is 0 if all nodes have the same state and it matches the tills,
    else 1. Ctrl-C closes the stores and gives the verdict. A second Ctrl-C stops all processes immediately.
    """
    sys.exit(asyncio.run(_run(LocalNetwork(stores, regions), seconds)))


async def _run(network: LocalNetwork, seconds: float | None) -> int:
    screen = screen_for(Console())
    directory = Path(tempfile.mkdtemp(prefix="shelfsync-demo-"))
    is_good = False
    try:
        async with AsyncExitStack() as stack:
            stack.enter_context(screen)
            client = await stack.enter_async_context(aiohttp.ClientSession())
            demo = Demo(network, client, screen, seconds)
            _obey_signals(demo)
            is_good = await demo.run(directory, stack)
    except (NodeDied, UnexpectedAnswer) as failure:
        screen.say(f"stopped: {failure}", "bold red")
    except asyncio.CancelledError:
        screen.say("stopped before the verdict", "bold red")
    finally:
        if is_good:
            shutil.rmtree(directory, ignore_errors=True)
        else:
            screen.say(f"data and logs are in {directory}")
    return 0 if is_good else 1


def _obey_signals(demo: Demo) -> None:
    """Ctrl-C closes the stores. A second one, SIGTERM or a closed terminal stops everything immediately."""
    loop, running = asyncio.get_running_loop(), asyncio.current_task()
    assert running is not None

    def interrupt() -> None:
        demo.close()
        loop.add_signal_handler(signal.SIGINT, running.cancel)

    loop.add_signal_handler(signal.SIGINT, interrupt)
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, running.cancel)


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until they ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _clock_s() -> float:
    return asyncio.get_running_loop().time()


if __name__ == "__main__":
    demo()
