"""The index of promotions: which apply to which goods, and which exclusive ones compete."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from replica.core.base.errors import Invalid
from replica.core.catalog.promotion_conflicts import PromotionConflicts
from replica.core.catalog.promotion_index import Promotions
from replica.core.catalog.promotions import Promotion
from replica.core.catalog.ranks import CHAIN_WIDE, REGION_RANK, STORE_RANK, Rank, ranks_at
from replica.core.catalog.registers import Register
from replica.core.catalog.selectors import Attributes
from replica.core.catalog.weekly_windows import minute_of_week
from tests.core.catalog.test_promotions import bundle, document, read_register, register
from tests.core.catalog.test_validity import ms

ACME: Attributes = {"brand": "acme", "organic": True}
HERE = ranks_at("store-1", "east")


def attributes_of(sku: str) -> Attributes:
    """Colas are of one brand."""
    return ACME if sku.startswith("cola") else {}


def region_of(location: str) -> str:
    """The region of a store."""
    return {"store-1": "east", "store-2": "west"}.get(location, "")


def index_of(**values: Any) -> Promotions:
    """The index of some promotions of the chain."""
    promotions = Promotions()
    for promotion_id, value in values.items():
        assert promotions.put(register(value, promotion_id))
    return promotions


def applying(promotions: Promotions, *skus: str, ranks: tuple[Rank, ...] = HERE) -> list[str]:
    """The ids of the promotions that may apply to some SKUs."""
    return [one.id for one in promotions.applying(((sku, attributes_of(sku)) for sku in skus), ranks)]


def promotion(value: dict[str, Any], promotion_id: str = "new", rank: Rank = CHAIN_WIDE) -> Promotion:
    """A promotion in the form for calculations."""
    read = read_register(register(value, promotion_id, *rank))
    assert read is not None
    return read


def rival(promotions: Promotions, value: dict[str, Any], rank: Rank = CHAIN_WIDE) -> str | None:
    """The promotion with which a new one competes, as the refusal names it; None if it is accepted."""
    try:
        promotions.check_overlap(promotion(value, rank=rank), attributes_of, region_of)
    except Invalid as refused:
        assert refused.field == "priority"
        return str(refused.facts["promotion"])
    return None


def of(*skus: str) -> dict[str, Any]:
    """A selector that lists SKUs."""
    return {"applies_to": {"skus": list(skus)}}


def with_attributes(**attributes: Any) -> dict[str, Any]:
    """A selector by attributes."""
    return {"applies_to": {"attributes": attributes}}


def test_the_index_leads_from_a_sku_to_the_promotions_that_may_apply() -> None:
    promotions = index_of(
        everything=document(priority=9),
        cola=document(priority=1, **of("cola")),
        acme=document(priority=2, **with_attributes(brand="acme", organic=True)),
        menu=bundle(("burger",), ("cola", "wine")),
        other=document(**of("fish")),
    )
    assert applying(promotions, "cola") == ["cola", "acme", "everything", "menu"]
    assert applying(promotions, "wine") == ["everything", "menu"]
    assert applying(promotions, "bread") == ["everything"]


def test_a_promotion_that_is_cleared_or_changed_leaves_nothing_behind() -> None:
    promotions = index_of(sale=document(**of("cola", "wine")), acme=document(**with_attributes(brand="acme")))
    promotions.put(register(document(priority=7, **of("wine")), "sale"))
    assert (applying(promotions, "cola"), applying(promotions, "wine")) == (["acme"], ["sale"])
    for promotion_id in ("sale", "acme"):
        assert promotions.put(register(None, promotion_id))
    assert applying(promotions, "cola", "wine") == []
    assert [getattr(promotions, slot) for slot in promotions.__slots__] == [{}] * len(promotions.__slots__)


def test_a_promotion_that_cannot_be_read_counts_as_missing() -> None:
    promotions = index_of(sale=document())
    assert not promotions.put(register({"benefit": {"type": "gift"}}, "sale"))
    assert applying(promotions, "cola") == []


def test_the_document_of_the_highest_rank_counts_as_a_whole() -> None:
    promotions = index_of(sale=document(**of("cola")))
    promotions.put(register(document(**of("wine")), "sale", STORE_RANK, "store-1"))
    assert (applying(promotions, "cola"), applying(promotions, "wine")) == (["sale"], ["sale"])
    (here,) = promotions.applying([("wine", {})], HERE)
    assert (here.source.rank, list(here.selected[0].skus)) == ("store", ["wine"])
    assert applying(promotions, "cola", ranks=ranks_at("store-2", "west")) == ["sale"]
    promotions.put(register(None, "sale", STORE_RANK, "store-1"))
    (there,) = promotions.applying([("cola", {})], HERE)
    assert there.source.rank == "chain"


@pytest.mark.parametrize("selector", [of("cola"), with_attributes(brand="acme"), {}])
@pytest.mark.parametrize("moved", [None, document(**of("wine"))])
def test_a_promotion_counts_until_none_of_its_documents_leads_to_the_sku(
    selector: dict[str, Any], moved: dict[str, Any] | None
) -> None:
    promotions = index_of(sale=document(**selector))
    promotions.put(register(document(**selector), "sale", STORE_RANK, "store-1"))
    promotions.put(register(moved, "sale", STORE_RANK, "store-1"))
    assert applying(promotions, "cola", ranks=ranks_at("store-2", "west")) == ["sale"]
    promotions.put(register(None, "sale"))
    assert applying(promotions, "cola", ranks=ranks_at("store-2", "west")) == []


def test_two_exclusive_promotions_of_one_priority_for_one_sku_are_refused() -> None:
    promotions = index_of(sale=document(**of("cola")))
    assert rival(promotions, document(**of("wine", "cola"))) == "sale"
    assert rival(promotions, document()) == "sale"
    assert rival(promotions, document(**with_attributes(brand="acme"))) == "sale"
    assert rival(promotions, bundle(("burger",), ("cola",))) == "sale"


@pytest.mark.parametrize(
    "value",
    [
        document(**of("wine")),
        document(priority=99),
        document(combinable=True),
        document(customer_groups=["members"]),
        document(valid_from="2027-01-01T00:00:00Z"),
        document(windows=[{"days": ["tue"]}]),
        document(**with_attributes(brand="other")),
        document(**with_attributes(brand="acme", organic=False)),
        bundle(("wine",)),
    ],
)
def test_exclusive_promotions_that_never_compete_are_accepted(value: dict[str, Any]) -> None:
    fields = {"valid_to": "2027-01-01T00:00:00Z", "windows": [{"days": ["mon"]}], "customer_groups": ["staff"]}
    assert rival(index_of(sale=document(**of("cola"), **fields)), value) is None


@pytest.mark.parametrize("value", [document(**of("cola")), document(**with_attributes(brand="acme"))])
def test_a_promotion_for_each_sku_competes_with_all(value: dict[str, Any]) -> None:
    assert rival(index_of(sale=document()), value) == "sale"


def test_selectors_by_attributes_compete_unless_they_contradict_each_other() -> None:
    promotions = index_of(sale=document(**with_attributes(brand="acme")))
    assert rival(promotions, document(**with_attributes(category="drinks"))) == "sale"
    assert rival(promotions, document(**with_attributes(brand="other", category="drinks"))) is None


def test_a_promotion_does_not_compete_with_its_own_earlier_write() -> None:
    assert rival(index_of(new=document()), document(customer_groups=["staff"])) is None


@pytest.mark.parametrize(
    ("rank", "other", "competes"),
    [
        ((STORE_RANK, "store-1"), CHAIN_WIDE, True),
        ((STORE_RANK, "store-1"), (REGION_RANK, "east"), True),
        ((STORE_RANK, "store-2"), (REGION_RANK, "east"), False),
        ((STORE_RANK, "store-1"), (STORE_RANK, "store-2"), False),
        ((STORE_RANK, "store-1"), (STORE_RANK, "store-1"), True),
        ((REGION_RANK, "east"), (REGION_RANK, "west"), False),
        ((REGION_RANK, "east"), (STORE_RANK, "store-1"), True),
        (CHAIN_WIDE, (STORE_RANK, "store-1"), True),
    ],
)
def test_promotions_compete_only_where_both_count(rank: Rank, other: Rank, competes: bool) -> None:
    promotions = Promotions()
    promotions.put(register(document(), "sale", *other))
    assert rival(promotions, document(), rank) == ("sale" if competes else None)


def conflicts_of(promotions: Promotions, *ids: str) -> list[tuple[str, str]]:
    """The pairs that are in each other's way, after these promotions of the chain were noted."""
    conflicts = PromotionConflicts(promotions, attributes_of, region_of)
    for one in ids:
        conflicts.put(register(document(), one))
    return [(one.promotion, one.other) for one in conflicts.at(ms("2026-12-01T00:00:00Z"))]


def test_promotions_that_compete_all_the_same_are_reported_once() -> None:
    promotions = index_of(z=document(**of("cola")), a=document(), m=document(priority=1), k=document(combinable=True))
    assert conflicts_of(promotions, "k", "m", "a", "z") == [("a", "z")]


selectors = st.one_of(
    st.just({"all": True}),
    st.lists(st.sampled_from(["cola", "cola_2", "wine", "bread"]), min_size=1, max_size=3, unique=True).map(
        lambda skus: {"skus": skus}
    ),
    st.sampled_from([{"brand": "acme"}, {"brand": "other"}, {"organic": True}, {"organic": False}]).map(
        lambda attributes: {"attributes": attributes}
    ),
)
hours = st.integers(0, 23).map(lambda hour: f"{hour:02}:00")
windows = st.lists(
    st.tuples(hours, hours, st.sampled_from(["mon", "tue"]))
    .filter(lambda one: one[0] != one[1])
    .map(lambda one: {"start": one[0], "end": one[1], "days": [one[2]]}),
    max_size=2,
)
days = st.integers(1, 8).map(lambda day: f"2026-12-{day:02}T00:00:00Z")
groups = st.lists(st.sampled_from(["staff", "members"]), max_size=1)


@st.composite
def exclusives(draw: st.DrawFn) -> dict[str, Any]:
    """An exclusive promotion of the usual priority."""
    value = document(
        applies_to=draw(selectors), windows=draw(windows), customer_groups=draw(groups), priority=draw(st.just(100))
    )
    first, last = draw(days), draw(st.one_of(days, st.just(UNSET)))
    return value | {"valid_from": first} | ({} if last is UNSET or last <= first else {"valid_to": last})


@given(exclusives(), exclusives(), st.data())
def test_accepted_exclusive_promotions_never_meet_at_a_unit(
    one: dict[str, Any], other: dict[str, Any], data: st.DataObject
) -> None:
    promotions = index_of(one=one)
    if rival(promotions, other) is not None:
        return
    at = data.draw(st.integers(ms("2026-11-30T00:00:00Z"), ms("2026-12-16T00:00:00Z")))
    zone = ZoneInfo(data.draw(st.sampled_from(["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Shanghai"])))
    group = data.draw(st.sampled_from(["", "staff", "members"]))
    sku = data.draw(st.sampled_from(["cola", "cola_2", "wine", "bread"]))
    minute = minute_of_week(at, zone)
    meeting = [
        each
        for each in (promotion(one), promotion(other))
        if each.is_in_force(at, minute, group) and each.selected[0].contains(sku, attributes_of(sku))
    ]
    assert len(meeting) < 2


@given(st.lists(exclusives(), max_size=5), st.data())
def test_the_index_depends_on_the_documents_and_not_on_their_order(
    values: list[dict[str, Any]], data: st.DataObject
) -> None:
    writes: list[Register] = [register(value, f"p-{number}") for number, value in enumerate(values)]
    indexes = []
    for order in (writes, data.draw(st.permutations(writes))):
        promotions = Promotions()
        for write in order:
            promotions.put(write)
        indexes.append(promotions)
    one, other = indexes
    for sku in ("cola", "wine"):
        assert applying(one, sku) == applying(other, sku)
    ids = [write.key for write in writes]
    assert conflicts_of(one, *ids) == conflicts_of(other, *ids)


@given(st.lists(st.one_of(exclusives(), st.just(None)), max_size=8), st.integers(1, 3), st.data())
def test_the_index_misses_no_promotion_that_applies(
    values: list[dict[str, Any] | None], ids: int, data: st.DataObject
) -> None:
    promotions, current = Promotions(), {}
    for number, value in enumerate(values):
        write = register(value, f"p-{number % ids}")
        promotions.put(write)
        current[write.key] = read_register(write)
    sku = data.draw(st.sampled_from(["cola", "cola_2", "wine", "bread"]))
    expected = [
        one.id for one in current.values() if one is not None and one.selected[0].contains(sku, attributes_of(sku))
    ]
    assert sorted(applying(promotions, sku)) == sorted(expected)


ranks = st.sampled_from([CHAIN_WIDE, (REGION_RANK, "east"), (STORE_RANK, "store-1")])


@given(st.lists(st.tuples(st.sampled_from("ab"), ranks, st.one_of(exclusives(), st.just(None))), max_size=10))
def test_the_index_after_many_writes_is_that_of_the_newest_documents_alone(
    writes: list[tuple[str, Rank, dict[str, Any] | None]],
) -> None:
    promotions, current = Promotions(), {}
    for promotion_id, rank, value in writes:
        current[promotion_id, rank] = register(value, promotion_id, *rank)
        promotions.put(current[promotion_id, rank])
    fresh = Promotions()
    for write in current.values():
        fresh.put(write)
    for slot in promotions.__slots__:
        assert getattr(promotions, slot) == getattr(fresh, slot), slot
