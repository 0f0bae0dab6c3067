"""Bodies of requests at a store, as hypothesis draws them: mostly valid, with few names, so that they meet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

ITEMS = ("apple", "bolt", "cup")
SKUS = (*ITEMS, "duo", "trio", "crate", "mix")
BARCODES = ("12345670", "0000012345670", "plu-7", "plu-8")
TILLS = ("", "till-1", "till-2")
RECEIPTS = ("", "r-1", "r-2", "r-3")

Draw = Callable[..., Any]

quantities = st.one_of(st.integers(1, 4), st.integers(1, 30), st.sampled_from((2.0, 999_999_999, 1_000_000_000)))
levels = st.one_of(st.integers(0, 8), st.integers(0, 60))


@st.composite
def sku_lines(draw: Draw, *, with_items: bool = False) -> dict[str, Any]:
    """A line that names its goods once, or rarely twice or not at all."""
    names = {"sku": SKUS, "barcode": BARCODES, **({"item": (*ITEMS, "duo")} if with_items else {})}
    kinds = st.sampled_from((("sku",),) * 16 + (("barcode",),) * 4 + ((), ("sku", "barcode")))
    if with_items:
        kinds |= st.just(("item",))
    chosen = {name: draw(st.sampled_from(names[name])) for name in draw(kinds)}
    return {**chosen, "quantity": draw(quantities)}


def lines(of: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """The lines of a request, mostly one or two."""
    return st.one_of(st.lists(of, min_size=1, max_size=1), st.lists(of, min_size=1, max_size=4))


def optional(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Members that may be left out."""
    return st.fixed_dictionaries({}, optional=members)


def times(now_ms: int) -> st.SearchStrategy[str]:
    """When a till says that goods moved: mostly a moment ago, also a time that cannot be true."""
    ago = st.one_of(
        st.integers(-3, 3_000),
        st.sampled_from((60_000, -59_999, -60_001, 400 * 86_400_000, 400 * 86_400_000 + 1, -(10**9), 10**12)),
    )
    return ago.map(lambda ms: text_of(now_ms - ms))


def text_of(time_ms: int) -> str:
    """A time as a till writes it."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    return moment.isoformat().replace("+00:00", "Z")


def sales(now_ms: int) -> st.SearchStrategy[dict[str, Any]]:
    """Sales."""
    return st.builds(
        _joined,
        st.fixed_dictionaries({"lines": lines(sku_lines())}),
        optional(
            on_shortage=st.sampled_from(("record", "refuse")),
            till=st.sampled_from(TILLS),
            receipt=st.sampled_from(RECEIPTS),
            occurred_at=times(now_ms),
        ),
    )


def returns(now_ms: int) -> st.SearchStrategy[dict[str, Any]]:
    """Returns."""
    return st.builds(
        _joined,
        st.fixed_dictionaries({"lines": lines(sku_lines())}),
        optional(
            original=st.sampled_from(RECEIPTS),
            disposition=st.sampled_from(("quarantine", "restock")),
            till=st.sampled_from(TILLS),
            receipt=st.sampled_from(RECEIPTS),
            occurred_at=times(now_ms),
        ),
    )


def receipts(now_ms: int) -> st.SearchStrategy[dict[str, Any]]:
    """Goods receipts."""
    goods = lines(sku_lines(with_items=True))
    more = optional(reference=st.sampled_from(("", "note-1")), occurred_at=times(now_ms))
    return st.builds(_joined, st.fixed_dictionaries({"lines": goods}), more)


def item_lines(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Lines about items, rarely about a name that is none."""
    names = st.sampled_from((*ITEMS * 4, "duo", "nothing"))
    return lines(st.fixed_dictionaries({"item": names, **members}))


def counts(tokens: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Counts, with a token that the node gave before, or without."""
    line = item_lines(counted=levels)
    in_areas = lines(
        st.fixed_dictionaries(
            {"item": st.sampled_from(ITEMS), "counted": levels, "area": st.sampled_from(("", "shop", "cellar"))}
        )
    )
    known = st.sampled_from(["", *tokens, *tokens[-1:]])
    more = optional(seen=known, reference=st.sampled_from(("", "sheet-1")))
    return st.builds(_joined, st.fixed_dictionaries({"lines": line | in_areas}), more)


def adjustments(now_ms: int) -> st.SearchStrategy[dict[str, Any]]:
    """Adjustments, rarely of nothing."""
    line = item_lines(delta=st.integers(-6, 6), reason=st.sampled_from(("broken", "found")))
    more = optional(reference=st.sampled_from(("", "sheet-1")), occurred_at=times(now_ms))
    return st.builds(_joined, st.fixed_dictionaries({"lines": line}), more)


def quarantines(now_ms: int) -> st.SearchStrategy[dict[str, Any]]:
    """Steps into and out of quarantine."""
    actions = st.sampled_from(("put", "restock", "write_off"))
    line = item_lines(quantity=st.integers(1, 6), action=actions)
    more = optional(reference=st.sampled_from(("", "sheet-1")), occurred_at=times(now_ms))
    return st.builds(_joined, st.fixed_dictionaries({"lines": line}), more)


def grants() -> st.SearchStrategy[dict[str, Any]]:
    """Grants, rarely to a node that cannot be."""
    to = st.sampled_from(("hub-east", "hub-east", "hub-west", "store-1", "No Name"))
    line = item_lines(quantity=st.integers(1, 6))
    more = optional(reason=st.sampled_from(("", "policy", "breach")))
    return st.builds(_joined, st.fixed_dictionaries({"to": to, "lines": line}), more)


def documents() -> st.SearchStrategy[tuple[str, dict[str, Any] | None]]:
    """A SKU and its document, with recipes of up to three items; None deletes it."""
    recipes = st.dictionaries(st.sampled_from(ITEMS), st.sampled_from((1, 1, 2, 3, 6)), min_size=1, max_size=3)
    more = optional(
        barcodes=st.lists(st.sampled_from(BARCODES), min_size=1, max_size=1),
        unit=st.sampled_from(("EA", "GRM")),
    )
    value = st.builds(_joined, st.fixed_dictionaries({"recipe": recipes}), more)
    return st.tuples(st.sampled_from(SKUS), st.one_of(value, value, value, st.none()))


FAULTS: tuple[Callable[[dict[str, Any]], Any], ...] = (
    lambda body: {**body, "colour": 1},
    lambda body: {**body, "lines": []},
    lambda body: {**body, "lines": "none"},
    lambda body: {name: value for name, value in body.items() if name != "lines"},
    lambda body: {**body, "lines": [*body["lines"], {}]},
    lambda body: {**body, "lines": [*body["lines"], 3]},
    lambda body: {**body, "lines": [*body["lines"][:-1], {**body["lines"][-1], "quantity": 0}]},
    lambda body: {**body, "lines": [*body["lines"][:-1], {**body["lines"][-1], "price": 1}]},
    lambda body: {**body, "occurred_at": "yesterday"},
    lambda body: {**body, "reference": "a\nb"},
    lambda body: {**body, "on_shortage": "maybe"},
    lambda body: {**body, "till": 7},
    lambda body: [body],
    lambda body: None,
)
"""What makes a body invalid."""


def _joined(body: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return {**body, **more}
