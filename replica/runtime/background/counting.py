"""Counts of figures that somebody read some time ago: the node computes the level of that moment from its journal.

Each answer with stock figures has a token: how far the journal had come, and the moment. If a count has a token, the
node compares it with the level of that moment: the level of now, less the movements after that moment. A movement from
before it that arrived later stays in the level, because the shelf already showed it. If more such movements arrive
during the computation, the node computes the level again.
"""

from __future__ import annotations

from collections import ChainMap

from msgspec import Struct

from replica.core.base.errors import Invalid, Overtaken
from replica.core.log.entry import Entry
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.stock.counts import Seen, is_after
from replica.core.stock.requests import Count
from replica.runtime.driver import Driver
from replica.runtime.ports import Journal

TRIES = 8
"""How often the node computes a level: only a frame of a peer overtakes it, and a frame takes longer to merge."""

_SCAN_PAGE = 1_000


_WRONG_TOKEN = (
    "The field seen is not a token of this node's journal. Read the stock from this node, and send its token."
)


class _Token(Struct, frozen=True):
    """The content of a `seen` token: how far the journal of one incarnation had come, and the moment."""

    arrival: int
    as_of: int


def token_of(replica: Replica, now_ms: int) -> str:
    """The token of the figures that a replica shows now."""
    return f"{_incarnation(replica)}.{replica.arrival:x}.{replica.seen('', now_ms).as_of:x}"


async def submit_count(driver: Driver, journal: Journal, command: Command) -> Entry:
    """Have the driver decide a count, as of its token if it has one. Raises Refused."""
    count = command.request
    assert isinstance(count, Count)
    if not count.seen:
        return await driver.submit(command)
    for _ in range(TRIES - 1):
        seen = await _look_back(driver, journal, command.location, count)
        try:
            return await driver.submit(Command(command.location, count, command.key, seen))
        except Overtaken:
            continue
    seen = await _look_back(driver, journal, command.location, count)
    return await driver.submit(Command(command.location, count, command.key, seen))


async def _look_back(driver: Driver, journal: Journal, location: str, count: Count) -> Seen:
    """Compute the levels as of a token: those of now, less the movements after it."""

    def now(replica: Replica) -> tuple[int, dict[str, int], dict[str, int], str]:
        stocks = {line.item: replica.ledger.stock(location, line.item) for line in count.lines}
        levels = {item: stock.figures.on_hand for item, stock in stocks.items()}
        return replica.arrival, levels, dict(replica.seen(location, 0).vector), replica.writer

    token = _read_token(driver.replica, count.seen)
    newest, levels, vector, writer = await driver.look(now)
    if token.arrival > newest:
        raise Invalid(_WRONG_TOKEN, field="seen")
    held: dict[str, int] = {}
    then = ChainMap(held, vector)
    after = token.arrival
    while after < newest:
        page = await journal.read(after, _SCAN_PAGE)
        for stored in page.stored:
            entry = stored.entry
            if stored.arrival > newest or entry.stream.scope != location:
                continue
            held.setdefault(entry.stream.writer, entry.sequence - 1)
            if is_after(entry, writer, token.as_of, then):
                for move in entry.content.moves:
                    if move.item in levels:
                        levels[move.item] -= move.change
        after = page.through if page.stored else newest
    return Seen(levels=levels, as_of=token.as_of, vector={**vector, **held}, held=vector)


def _read_token(replica: Replica, text: str) -> _Token:
    incarnation, _, rest = text.partition(".")
    arrival, _, as_of = rest.partition(".")
    try:
        token = _Token(int(arrival, 16), int(as_of, 16))
    except ValueError:
        token = None
    if token is None or incarnation != _incarnation(replica) or token.arrival < 0 or not 0 <= token.as_of < 1 << 63:
        raise Invalid(_WRONG_TOKEN, field="seen")
    return token


def _incarnation(replica: Replica) -> str:
    return replica.writer.partition("#")[2]
