"""The scripts that the explorer plays, by name."""

from __future__ import annotations

from collections.abc import Mapping

from replica.core.catalog.documents import pack_value
from replica.core.orders.requests import OrderEvent, OutsideEvent, PlacedLine, Placement
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state.commands import DocumentWrite
from replica.core.stock.requests import Count, CountLine, GoodsLine, GoodsReceipt, OnShortage, Return, Sale, SkuLine
from simulations.explorer.script import HUBS, NODES, STORE, YARD, Ask, Script

COLA = "cola"
CRISPS = "crisps"
SET = "set"
"""A bundle of both."""

EXPIRY_S = 60
"""How long unpaid orders live."""


def _receipt(name: str, quantity: int, item: str = COLA) -> Ask:
    request = GoodsReceipt((GoodsLine(quantity, sku=item),))
    return Ask(name=name, request=request, at=(STORE,), changes={item: quantity})


def _grant(name: str, to: str, quantity: int, *, by: str = STORE, item: str = COLA) -> Ask:
    return Ask(name=name, request=Grant(to, (GrantLine(item, quantity),)), at=(by,))


def _promise(name: str, quantity: int, *, at: tuple[str, ...] = HUBS, like: str = "") -> Ask:
    request = Sale((SkuLine(quantity, sku=COLA),), OnShortage.REFUSE)
    return Ask(name=name, request=request, at=at, like=like, changes={COLA: -quantity})


def _sale(name: str, quantity: int, *, sku: str = COLA, changes: Mapping[str, int] | None = None) -> Ask:
    request = Sale((SkuLine(quantity, sku=sku),))
    return Ask(name=name, request=request, at=(STORE,), changes=changes or {sku: -quantity})


def _placement(order: str, quantity: int = 1, *, paid: bool = False, at: tuple[str, ...] = HUBS) -> Ask:
    line = PlacedLine(quantity, sku=COLA)
    return Ask(name=order, request=Placement(order, (line,), ttl_s=EXPIRY_S, paid=paid), at=at)


def _event(order: str, event: OutsideEvent, *, at: tuple[str, ...] = HUBS, heard: tuple[str, ...] = ()) -> Ask:
    return Ask(name=f"{event}-{order}", request=OrderEvent(order, event), at=at, heard=heard)


def _document(name: str, at: str, *, sku: str = SET, recipe: Mapping[str, int] | None = None) -> Ask:
    """A write of the document of a SKU, with a title of its own."""
    value = pack_value({"recipe": dict(recipe or {COLA: 1, CRISPS: 1}), "names": {"en": name}})
    return Ask(name=name, request=DocumentWrite("sku", sku, value, name.encode()), at=(at,))


def _stocked(units: int, *, hub_a: int = 0, hub_b: int = 0) -> tuple[tuple[str, Ask], ...]:
    """An opening: the store has cola, and granted some to the hubs."""
    known = ("hub-a", _document("sku-cola", "hub-a", sku=COLA, recipe={COLA: 1}))
    grants = {"hub-a": hub_a, "hub-b": hub_b}
    given = [(STORE, _grant(f"opening-{hub}", hub, number)) for hub, number in grants.items() if number]
    return (known, (STORE, _receipt("opening", units)), *given)


RETRIES = Script(
    name="retries",
    about="A promise is sent to both hubs under one key, while a till sells what the store has.",
    opening=_stocked(3, hub_a=1, hub_b=1),
    asks=(_promise("promise", 1), _sale("sale", 2)),
)

PROMISES = Script(
    name="promises",
    about="Two promises are sent to both hubs, each under its key, while a right moves.",
    opening=_stocked(3, hub_a=2, hub_b=1),
    asks=(
        _promise("promise", 1),
        _promise("another", 1, like="promise"),
        _grant("passed-on", "hub-b", 1, by="hub-a"),
    ),
)

GRANTS = Script(
    name="grants",
    about="Rights go from the store to a hub and on to the other, while all three make promises.",
    opening=_stocked(2),
    asks=(
        _grant("grant", "hub-a", 1),
        _grant("passed-on", "hub-b", 1, by="hub-a"),
        _promise("promise", 1, at=NODES),
        _promise("another", 1, at=NODES, like="promise"),
    ),
    restarts=HUBS,
)

LENDINGS = Script(
    name="lendings",
    about="The hubs grant each other a right, there and back, while both get two promises, and a till sells.",
    opening=_stocked(3, hub_a=2),
    asks=(
        _grant("there", "hub-b", 1, by="hub-a"),
        _grant("back", "hub-a", 1, by="hub-b"),
        _promise("promise", 1),
        _promise("another", 1, like="promise"),
        _sale("sale", 1),
    ),
)

PLACEMENTS = Script(
    name="placements",
    about="An order is placed at both hubs, paid at either, and expires if nobody pays in time.",
    opening=_stocked(2, hub_a=1, hub_b=1),
    asks=(_placement("order"), _event("order", "pay", at=("hub-a",), heard=("order",))),
    orders={"order": {COLA: 1}},
    moments_ms=(0, (EXPIRY_S + 1) * 1000),
    keeps_orders=True,
    is_busy=False,
    restarts=("hub-a",),
)

HANDOVERS = Script(
    name="handovers",
    about="A paid order is handed over to the store. The customer collects it there, and cancels it at a hub.",
    opening=_stocked(1, hub_a=1),
    asks=(
        _placement("order", paid=True, at=("hub-a",)),
        _event("order", "cancel"),
        _event("order", "collect", at=(STORE,), heard=("order",)),
    ),
    orders={"order": {COLA: 1}},
    keeps_orders=True,
    is_busy=False,
    restarts=("hub-a", STORE),
)

EARLY = Script(
    name="early-events",
    about="A payment and a shipment arrive in any order, also before the placement.",
    opening=_stocked(1, hub_a=1),
    asks=(
        _placement("order", at=("hub-a",)),
        _event("order", "pay"),
        _event("order", "ship", at=("hub-a",)),
    ),
    orders={"order": {COLA: 1}},
    keeps_orders=True,
    is_busy=False,
    restarts=(),
)

_AT_TWO = (
    *_stocked(1, hub_a=1),
    (
        "hub-a",
        Ask(
            name="opening-yard",
            request=GoodsReceipt((GoodsLine(1, sku=COLA),)),
            at=("hub-a",),
            changes={COLA: 1},
            location=YARD,
        ),
    ),
)
"""An opening: the first hub may promise one cola of the store and has one in its yard."""

_PLACED_AT_TWO = Ask(
    name="order",
    request=Placement("order", tuple(PlacedLine(1, sku=COLA, location=one) for one in (STORE, YARD)), ttl_s=EXPIRY_S),
    at=("hub-a",),
)


def _collected(fulfilment: str = "", number: int = 0) -> Ask:
    event = OrderEvent("order", "collect", fulfilment, number=number)
    return Ask(name=f"collect-{number or fulfilment}", request=event, at=("hub-a",), heard=("order",))


EARLY_LINES = Script(
    name="early-lines",
    about="A cola comes back before or after it left one of two places, which hand theirs out one after the other.",
    opening=_AT_TWO,
    asks=(
        _PLACED_AT_TWO,
        Ask(name="return", request=OrderEvent("order", "return", lines=(SkuLine(1, sku=COLA),)), at=HUBS),
        _collected("hub-a.1"),
        _collected("hub-a.2"),
    ),
    orders={"order": {COLA: 1}},
    has_yard=True,
    keeps_orders=True,
    is_busy=False,
    restarts=(),
)

NUMBERS = Script(
    name="numbers",
    about="Numbered events of an order at two places arrive in any order. The first one is impossible at one place.",
    opening=_AT_TWO,
    asks=(
        _PLACED_AT_TWO,
        _collected("hub-a.1"),
        _collected(number=1),
        Ask(name="return-2", request=OrderEvent("order", "return", number=2), at=("hub-a",)),
    ),
    orders={"order": {COLA: 1}},
    has_yard=True,
    keeps_orders=True,
    is_busy=False,
    restarts=(),
)

BREACHES = Script(
    name="breaches",
    about="The till sells more than the store may promise, and the nodes with free rights cover it.",
    opening=_stocked(3, hub_a=1, hub_b=1),
    asks=(_sale("sale", 2), _sale("sale-2", 1), _promise("promise", 1, at=("hub-a",))),
    settles=True,
    is_busy=False,
)

COUNTS = Script(
    name="counts",
    about="The shelf is counted while both hubs get one promise, before and after the count.",
    opening=_stocked(4, hub_a=1, hub_b=1),
    asks=(
        _promise("promise", 1),
        Ask(name="count", request=Count((CountLine(COLA, 2),)), at=(STORE,)),
    ),
    moments_ms=(0, 1000),
    is_busy=False,
)

BUNDLES = Script(
    name="bundles",
    about="Both hubs write the document of a bundle, while a till sells one bundle and takes one back.",
    opening=(
        *_stocked(3),
        ("hub-a", _document("sku-crisps", "hub-a", sku=CRISPS, recipe={CRISPS: 1})),
        ("hub-a", _document("first", "hub-a")),
        (STORE, _receipt("opening-crisps", 3, CRISPS)),
    ),
    asks=(
        _document("second", "hub-a"),
        _document("third", "hub-b"),
        _sale("sale", 1, sku=SET, changes={COLA: -1, CRISPS: -1}),
        Ask(name="return", request=Return((SkuLine(1, sku=SET),)), at=(STORE,), changes={COLA: 1, CRISPS: 1}),
    ),
)

SCRIPTS = {
    script.name: script
    for script in (
        RETRIES,
        PROMISES,
        GRANTS,
        LENDINGS,
        PLACEMENTS,
        HANDOVERS,
        EARLY,
        EARLY_LINES,
        NUMBERS,
        BREACHES,
        COUNTS,
        BUNDLES,
    )
}
