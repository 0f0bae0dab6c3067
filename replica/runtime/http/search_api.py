"""The call that finds SKUs: by names and attributes, with filters, sorted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from replica.core.base.errors import Invalid
from replica.core.base.limits import SEARCH_FILTERS_MAX, SEARCH_PAGE_MAX, TEXT_LENGTH_MAX
from replica.core.base.names import CUSTOMER
from replica.core.catalog.locations import Point, distance_to
from replica.core.catalog.prices import EffectivePrice
from replica.core.catalog.search_queries import (
    AttributeFilter,
    AvailabilityRange,
    FoundSku,
    Near,
    PriceRange,
    SearchQuery,
    check_search,
    read_sort,
    select,
)
from replica.core.catalog.skus import EACH, sellable
from replica.core.ledger.cells import Ledger, Stock
from replica.core.state.pending import NOTHING_PENDING, Pending
from replica.core.state.replica import Replica
from replica.runtime.http.long_reads import SLICE, LongReads
from replica.runtime.http.operations import Operation, json_response
from replica.runtime.http.query_fields import (
    CURSOR,
    LIMIT,
    NEAR,
    QueryField,
    choice_field,
    number_field,
    number_of,
    point_of,
    text_field,
)
from replica.runtime.http.sku_answers import price_at, recipe_if_known
from replica.runtime.node import Node

ATTRIBUTE = "attribute."
"""Begins a query field that filters by an attribute: `attribute.brand=acme`. Repeated, one of the values fits."""

STATUSES = ("active", "ended", "any")

PAGE = 20
"""SKUs on a page, if the caller names no number."""

EARTH_KM = 20_100
"""More than any two places are apart."""

PRICE_MAX = 10**15

SEARCH_LIMIT = number_field("limit", LIMIT.description, 1, SEARCH_PAGE_MAX, PAGE)

CURSOR_PATTERN = r"^$(?!\n)|^(?:[0-9]{1,18}\.)?[0-9]{1,6}$(?!\n)"
"""Where a page begins: the number after which the index looks, and how many SKUs of those found there came before."""

SEARCH_CURSOR = QueryField("cursor", {"type": "string", "pattern": CURSOR_PATTERN}, CURSOR.description)

STRETCHES_MAX = 20
"""Stretches of the index that one request looks at while nothing in them fits its filters, of some milliseconds each.
After them it answers an empty page, and where to go on."""

BOUNDS = {
    name: number_field(name, f"Only SKUs {what}.", 0, PRICE_MAX)
    for name, what in (
        ("price_min", "with at least this price, in minor units"),
        ("price_max", "with at most this price, in minor units"),
        ("available_min", "of which at least this many can be sold"),
        ("available_max", "of which at most this many can be sold"),
    )
}
"""The bounds of ranges, by name."""

WITHIN_KM = QueryField(
    "within_km",
    {"type": "number", "exclusiveMinimum": 0, "maximum": EARTH_KM},
    "Only SKUs that a location at most this many kilometres from near has.",
)

STATUS = choice_field(
    "status", "Which SKUs to find: those that are sold, those that have ended, or any.", STATUSES, "active"
)

QUERY = (
    text_field("q", "Words, parts of words or characters of names and attributes. Empty: all SKUs.", TEXT_LENGTH_MAX),
    text_field("language", "The language of the names to sort by.", TEXT_LENGTH_MAX),
    text_field(
        "sort",
        "Keys with a comma between them, a minus for descending order: popularity, name, sku, price, available, "
        "distance, attribute.NAME.",
        TEXT_LENGTH_MAX,
    ),
    SEARCH_LIMIT,
    SEARCH_CURSOR,
    *BOUNDS.values(),
    NEAR,
    WITHIN_KM,
    STATUS,
)


class FoundAnswer(Struct, frozen=True, omit_defaults=True):
    """One SKU that was found. `price` is in minor units of `currency`, and left out without a price.

    `available`: how many can be sold, at the location of the search or at all. `distance_km`: to the nearest location
    that has some. `unit`: the UN/ECE Rec 20 code of its unit, left out for pieces.
    """

    sku: str
    names: dict[str, str]
    attributes: dict[str, Any]
    available: int
    price: int | None = None
    currency: str = ""
    per: int = 1
    distance_km: float | None = None
    unit: str = EACH


class SearchAnswer(Struct, frozen=True):
    """A page of SKUs that fit. `next` is the cursor of the next page, null on the last one.

    A page may be short, or empty, and have a next one. `is_capped`: more SKUs fit the text than those among which the
    page was chosen. They follow on later pages, and a longer text brings them forward.
    """

    skus: list[FoundAnswer]
    next: str | None
    is_capped: bool


class Begin(Struct, frozen=True):
    """Where a page begins: among the SKUs that the index finds after a number, after some of them in their order."""

    after: int
    offset: int

    @property
    def cursor(self) -> str:
        """As callers get it."""
        return f"{self.after}.{self.offset}"


class SearchApi:
    """The call at one node.

    Args:
        location_of: the location that a call with this name means, of which the name may be empty. Empty if the call
            concerns the whole chain. Raises Invalid.
    """

    def __init__(self, node: Node, long_reads: LongReads, location_of: Callable[[str], str]) -> None:
        self._node = node
        self._long_reads = long_reads
        self._location_of = location_of

    def operations(self, query: tuple[QueryField, ...] = ()) -> list[Operation]:
        """The call. `query`: the field that names the location, where the node has several."""
        return [
            Operation(
                method="GET",
                path="/v1/search",
                handler=self.search,
                summary="Find SKUs by names and attributes. A field attribute.NAME filters by an attribute",
                answer=SearchAnswer,
                query=(*QUERY, *query),
            )
        ]

    async def search(self, request: web.Request) -> web.Response:
        query, status, begin = _query_of(request), _status_of(request), _begin_of(request)
        terms, location = check_search(query), self._location_of(request.query.get("location", ""))
        if location:
            await self._node.meet(location)
        known = _Figures(location, query.near, self._node.clock.now().wall_ms)
        for _ in range(STRETCHES_MAX):
            candidates = await self._node.journal.search(terms, begin.after)
            found = [one for one in candidates.found if status in ("any", one.status)]
            answers, following = await self._page(query, found, known, begin)
            if following is None and candidates.is_capped:
                following = Begin(candidates.through, 0)
            if answers or following is None:
                break
            begin = following
        shown = following.cursor if following is not None else None
        return json_response(SearchAnswer(answers, shown, candidates.is_capped))

    async def _page(
        self, query: SearchQuery, found: list[FoundSku], known: _Figures, begin: Begin
    ) -> tuple[list[FoundAnswer], Begin | None]:
        """A page of the SKUs that were found in one stretch of the index, and where the next page in it begins."""
        if _needs_figures(query):
            found = await self._long_reads.collect_now(found, known.of_some)

        def page(replica: Replica, pending: Pending) -> tuple[list[FoundSku], Begin | None]:
            if known.location:
                replica.known_locations.check(known.location, "location")
            fitting, end = select(known.popular(replica, found), query), begin.offset + query.limit
            return fitting[begin.offset : end], Begin(begin.after, end) if end < len(fitting) else None

        # neither waits for a commit, because somebody is typing
        shown, following = await self._node.driver.look_now(page)
        return await self._long_reads.collect_now(shown, known.answers, at_once=SLICE), following


class _Figures:
    """What a node knows of SKUs that were found: price, units, distance. `location` is empty for the whole chain."""

    def __init__(self, location: str, near: Near | None, now_ms: int) -> None:
        self.location = location
        self._near = Point(near.lat, near.lon) if near is not None else None
        self._now_ms = now_ms
        self._units: dict[str, _Available] = {}
        self._distances: dict[str, float | None] = {}

    def of_some(self, replica: Replica, pending: Pending, some: Sequence[FoundSku]) -> list[FoundSku]:
        """Some SKUs with their figures of one moment."""
        self._units.clear()
        return [self._of(replica, pending, one) for one in some]

    def _of(self, replica: Replica, pending: Pending, found: FoundSku) -> FoundSku:
        price = price_at(replica, self.location, found.sku, self._now_ms)
        available, distance = self._stock(replica, pending, found.sku)
        amount = price.amount if isinstance(price, EffectivePrice) else None
        return replace(found, price=amount, available=available, distance_km=distance)

    def popular(self, replica: Replica, some: Sequence[FoundSku]) -> list[FoundSku]:
        """SKUs with how many were sold at the location: what is sold often is meant often. 0 for all locations."""
        if not self.location:
            return list(some)
        stocks, known_recipe = replica.ledger.stocks(self.location), replica.catalog.known_recipe
        sold, shown = _Sold(stocks), []
        for one in some:
            recipe = known_recipe(one.sku)
            is_moved = recipe is not None and recipe[0][0] in stocks
            units = max(0, sellable(recipe, sold)) if is_moved and recipe is not None else 0
            shown.append(replace(one, popularity=units) if units else one)
        return shown

    def answers(self, replica: Replica, pending: Pending, some: Sequence[FoundSku]) -> list[FoundAnswer]:
        """The answers for SKUs of a page."""
        self._units.clear()  # each slice is of one moment
        return [self._answer(replica, pending, one) for one in some]

    def _answer(self, replica: Replica, pending: Pending, found: FoundSku) -> FoundAnswer:
        price = price_at(replica, self.location, found.sku, self._now_ms)
        available, distance = self._stock(replica, pending, found.sku)
        priced = price if isinstance(price, EffectivePrice) else None
        return FoundAnswer(
            sku=found.sku,
            names=dict(found.names),
            attributes=dict(found.attributes),
            available=available,
            price=priced.amount if priced is not None else None,
            currency=priced.currency if priced is not None else "",
            per=priced.per if priced is not None else 1,
            distance_km=distance,
            unit=known.unit if (known := replica.catalog.sku(found.sku)) is not None else EACH,
        )

    def _stock(self, replica: Replica, pending: Pending, sku: str) -> tuple[int, float | None]:
        """How many can be sold, and the kilometres to the nearest location that has some."""
        recipe = recipe_if_known(replica, sku)
        if recipe is None:
            return 0, None
        if len(recipe) == 1 and not self.location and self._near is None:
            return _total(replica.ledger, pending, *recipe[0]), None
        total, nearest = 0, None
        for location in (self.location,) if self.location else replica.ledger.locations(recipe[0][0]):
            units = self._units.get(location)
            if units is None:
                units = self._units[location] = _Available(replica.ledger, pending, location)
            here = max(0, sellable(recipe, units))
            total += here
            distance = self._distance(replica, location) if here else None
            if distance is not None and (nearest is None or distance < nearest):
                nearest = distance
        return total, nearest

    def _distance(self, replica: Replica, location: str) -> float | None:
        if self._near is None:
            return None
        if location not in self._distances:
            self._distances[location] = distance_to(replica.documents, location, self._near)
        return self._distances[location]


def _total(ledger: Ledger, pending: Pending, item: str, quantity: int) -> int:
    """How many SKUs of so many units of one item can be sold at all locations. There may be hundreds for each SKU."""
    at_location, total, is_durable = ledger.at_location, 0, pending is NOTHING_PENDING
    for location in ledger.locations(item):
        units = at_location[location].stocks[item].available
        if not is_durable:
            units -= pending.available(location, item)
        if units >= quantity:
            total += units // quantity
    return total


class _Available(dict[str, int]):
    """The durable available units of items at a location. Each item is read once, however many SKUs share it."""

    def __init__(self, ledger: Ledger, pending: Pending, location: str) -> None:
        super().__init__()
        self._ledger = ledger
        self._pending = pending
        self._location = location

    def __missing__(self, item: str) -> int:
        stock = self._ledger.stock(self._location, item)
        units = self[item] = stock.available - self._pending.available(self._location, item)
        return units


class _Sold(dict[str, int]):
    """Units of items that customers have from a location."""

    def __init__(self, stocks: Mapping[str, Stock]) -> None:
        super().__init__()
        self._stocks = stocks

    def __missing__(self, item: str) -> int:
        stock = self._stocks.get(item)
        return stock.balance(CUSTOMER) if stock is not None else 0


def _needs_figures(query: SearchQuery) -> bool:
    """Whether the figures of each candidate decide what is on a page."""
    within_km = query.near is not None and query.near.within_km is not None
    is_sorted = any(key.by in ("price", "available", "distance") for key in query.sort)
    return query.price is not None or query.available is not None or within_km or is_sorted


def _query_of(request: web.Request) -> SearchQuery:
    fields = request.query
    text = fields.get("q", "")
    language = fields.get("language", "")
    for name, value in (("q", text), ("language", language), ("sort", fields.get("sort", ""))):
        if len(value) > TEXT_LENGTH_MAX:
            raise Invalid(f"The query field {name} has {len(value)} characters, at most {TEXT_LENGTH_MAX}.", field=name)
    price, available = _range(request, "price"), _range(request, "available")
    return SearchQuery(
        q=text,
        language=language,
        attributes=tuple(_attributes(request)),
        price=PriceRange(*price) if any(one is not None for one in price) else None,
        available=AvailabilityRange(*available) if any(one is not None for one in available) else None,
        near=_near(request),
        sort=read_sort(fields.get("sort", "")),
        limit=number_of(request, SEARCH_LIMIT),
    )


def _begin_of(request: web.Request) -> Begin:
    text = request.query.get("cursor", "")
    if not _cursor.fullmatch(text):
        raise Invalid(f"The query field cursor is {text!r}. Send the field next of the page before.", field="cursor")
    after, _, offset = text.rpartition(".")
    return Begin(int(after or 0), int(offset or 0))


_cursor = re.compile(CURSOR_PATTERN)


def _attributes(request: web.Request) -> Iterable[AttributeFilter]:
    """The filters by attributes. A text that is a number or a truth value also fits as such."""
    names = dict.fromkeys(name for name in request.query if name.startswith(ATTRIBUTE))
    if len(names) > SEARCH_FILTERS_MAX:
        text = f"The query has {len(names)} attributes to filter by, and {SEARCH_FILTERS_MAX} is the most."
        raise Invalid(text, field=next(iter(names)))
    for name in names:
        texts = request.query.getall(name)
        if name == ATTRIBUTE or not all(texts):
            raise Invalid(f"The query field {name} needs the name of an attribute, and a value.", field=name)
        yield AttributeFilter(name.removeprefix(ATTRIBUTE), tuple(value for text in texts for value in _meanings(text)))


def _meanings(text: str) -> list[str | float | bool]:
    found: list[str | float | bool] = [text]
    if text in ("true", "false"):
        found.append(text == "true")
    elif _number.fullmatch(text):
        found.append(float(text))
    return found


_number = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")


def _range(request: web.Request, name: str) -> tuple[int | None, int | None]:
    return _bound(request, f"{name}_min"), _bound(request, f"{name}_max")


def _bound(request: web.Request, name: str) -> int | None:
    return number_of(request, BOUNDS[name]) if name in request.query else None


def _near(request: web.Request) -> Near | None:
    point = point_of(request.query.get("near", ""))
    within = request.query.get("within_km")
    if point is None:
        if within is not None:
            raise Invalid("The query field within_km needs a point. Send near, too.", field="within_km")
        return None
    if within is None:
        return Near(point.lat, point.lon)
    if not _number.fullmatch(within) or not 0 < float(within) <= EARTH_KM:
        raise Invalid(f"The query field within_km is {within!r}. Send kilometres in 0..{EARTH_KM}.", field="within_km")
    return Near(point.lat, point.lon, float(within))


def _status_of(request: web.Request) -> str:
    status = request.query.get("status", STATUSES[0])
    if status not in STATUSES:
        raise Invalid(f"The query field status is {status!r}. Send {', '.join(STATUSES)}.", field="status")
    return status
