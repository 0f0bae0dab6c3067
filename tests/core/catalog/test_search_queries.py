"""Searches: which are refused with which field, what filters leave, and one order whatever the order of arrival."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert
from msgspec.json import decode, schema

from replica.core.base.errors import Invalid
from replica.core.catalog.search_queries import (
    AttributeFilter,
    AvailabilityRange,
    FoundSku,
    Near,
    PriceRange,
    SearchQuery,
    SortKey,
    check_search,
    read_sort,
    select,
)
from replica.core.catalog.search_terms import Terms

COLA = FoundSku("cola", {"en": "Cola", "zh": "可乐"}, {"brand": "Fizz", "ml": 330, "is_vegan": True}, 9, 250, 12, 1.5)
DIET = FoundSku("diet", {"en": "Diet Cola"}, {"brand": "fizz", "ml": 500}, 9, 300, 0, 0.2)
WINGS = FoundSku("wings", {"zh": "鸡翅"}, {"brand": "Hen", "ml": "none"}, 20, None, None, None)
TEA = FoundSku("tea", {}, {"is_vegan": 1}, 0, 100, 3, 8.0)
ALL = [COLA, DIET, WINGS, TEA]


def chosen(**fields: Any) -> list[str]:
    """The SKUs of a search with these fields, in its order."""
    query = convert({"q": "x", **fields}, SearchQuery)
    check_search(query)
    return [one.sku for one in select(ALL, query)]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"q": "?"}, "q"),
        ({"attributes": [{"name": "ml"}]}, "attributes[0].values"),
        ({"attributes": [{"name": "ml", "values": [1], "least": 1}]}, "attributes[0].values"),
        ({"attributes": [{"name": "ml", "least": 2, "most": 1}]}, "attributes[0].most"),
        ({"price": {}}, "price.least"),
        ({"price": {"least": 2, "most": 1}}, "price.most"),
        ({"available": {}}, "available.least"),
        ({"available": {"least": 0, "most": -1}}, "available.most"),
        ({"sort": [{"by": "distance"}]}, "sort[0]"),
        ({"sort": [{"by": "attribute"}]}, "sort[0].attribute"),
        ({"sort": [{"by": "price", "attribute": "ml"}]}, "sort[0].attribute"),
        ({"sort": [{"by": "price"}, {"by": "name"}, {"by": "price", "descending": True}]}, "sort[2]"),
    ],
)
def test_an_impossible_search_is_refused_with_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        chosen(**fields)
    assert refused.value.field == field
    assert field.partition(".")[0] in refused.value.detail


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", ()),
        ("-price", (SortKey("price", True),)),
        ("name,-attribute.brand", (SortKey("name"), SortKey("attribute", True, "brand"))),
    ],
)
def test_sort_keys_are_read_from_a_text(text: str, keys: tuple[SortKey, ...]) -> None:
    assert read_sort(text) == keys


@pytest.mark.parametrize(("text", "field"), [("cost", "sort[0]"), ("name,", "sort[1]"), ("name,--price", "sort[1]")])
def test_an_unknown_sort_key_is_refused_with_its_place(text: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_sort(text)
    assert refused.value.field == field
    known = refused.value.detail.partition("Sort by ")[2].rstrip(".").split(", ")
    assert known == ["popularity", "name", "sku", "price", "available", "distance", "attribute.NAME"]


def test_a_checked_search_gives_the_terms_of_its_text() -> None:
    assert check_search(SearchQuery("Cola 可乐")) == Terms(("cola",), ("可乐",))


@pytest.mark.parametrize(
    ("fields", "skus"),
    [
        ({"attributes": [AttributeFilter("brand", ("FIZZ", "x"))]}, ["cola", "diet"]),
        ({"attributes": [AttributeFilter("ml", least=400)]}, ["diet"]),
        ({"attributes": [AttributeFilter("ml", most=400)]}, ["cola"]),
        ({"attributes": [AttributeFilter("is_vegan", (True,))]}, ["cola"]),
        ({"attributes": [AttributeFilter("ml", (330,)), AttributeFilter("brand", ("Hen",))]}, []),
        ({"price": PriceRange(100, 250)}, ["cola", "tea"]),
        ({"price": PriceRange(101)}, ["cola", "diet"]),
        ({"price": PriceRange(250, 250)}, ["cola"]),
        ({"available": AvailabilityRange(1)}, ["cola", "tea"]),
        ({"available": AvailabilityRange(most=0)}, ["diet"]),
        ({"near": Near(31.2, 121.5, 2.0)}, ["cola", "diet"]),
        ({"near": Near(31.2, 121.5)}, ["wings", "cola", "diet", "tea"]),
    ],
)
def test_filters_leave_what_fits_and_is_known(fields: dict[str, Any], skus: list[str]) -> None:
    query = SearchQuery("x", **fields)
    check_search(query)
    assert [one.sku for one in select(ALL, query)] == skus


ZEROS = [
    FoundSku("nothing"),
    FoundSku("zero", {}, {"degrees": 0, "is_vegan": False, "maker": ""}, 0, 0, 0, 0.0),
    FoundSku("below", {}, {"degrees": -18, "is_vegan": True, "maker": "Fizz"}, 0, 1, -1, 3.0),
]


@pytest.mark.parametrize(
    ("fields", "skus"),
    [
        ({"price": {"most": 0}}, ["zero"]),
        ({"price": {"least": 0}}, ["below", "zero"]),
        ({"available": {"least": 0}}, ["zero"]),
        ({"available": {"most": 0}}, ["below", "zero"]),
        ({"attributes": [{"name": "degrees", "least": 0}]}, ["zero"]),
        ({"attributes": [{"name": "degrees", "most": 0}]}, ["below", "zero"]),
        ({"attributes": [{"name": "degrees", "values": [0]}]}, ["zero"]),
        ({"attributes": [{"name": "is_vegan", "values": [False]}]}, ["zero"]),
        ({"attributes": [{"name": "maker", "values": [""]}]}, ["zero"]),
        ({"sort": [{"by": "price"}]}, ["zero", "below", "nothing"]),
        ({"sort": [{"by": "available", "descending": True}]}, ["zero", "below", "nothing"]),
        ({"sort": [{"by": "attribute", "attribute": "degrees", "descending": True}]}, ["zero", "below", "nothing"]),
        ({"sort": [{"by": "attribute", "attribute": "is_vegan"}]}, ["zero", "below", "nothing"]),
        ({"sort": [{"by": "attribute", "attribute": "maker"}]}, ["zero", "below", "nothing"]),
    ],
)
def test_a_bound_of_zero_holds_and_a_figure_of_zero_is_known(fields: dict[str, Any], skus: list[str]) -> None:
    query = convert({"q": "x", **fields}, SearchQuery)
    check_search(query)
    assert [one.sku for one in select(ZEROS, query)] == skus


@pytest.mark.parametrize(
    ("sort", "skus"),
    [
        ("", ["wings", "cola", "diet", "tea"]),
        ("popularity", ["tea", "cola", "diet", "wings"]),
        ("price", ["tea", "cola", "diet", "wings"]),
        ("-price", ["diet", "cola", "tea", "wings"]),
        ("-available", ["cola", "tea", "diet", "wings"]),
        ("distance", ["diet", "cola", "tea", "wings"]),
        ("name", ["cola", "diet", "tea", "wings"]),
        ("-sku", ["wings", "tea", "diet", "cola"]),
        ("attribute.brand,-price", ["diet", "cola", "wings", "tea"]),
        ("attribute.ml", ["cola", "diet", "wings", "tea"]),
    ],
)
def test_sort_keys_order_what_is_known_and_the_rest_comes_last(sort: str, skus: list[str]) -> None:
    query = SearchQuery("x", sort=read_sort(sort), near=Near(0, 0))
    check_search(query)
    assert [one.sku for one in select(ALL, query)] == skus


def test_a_search_is_read_from_json_and_has_a_schema() -> None:
    body = b'{"q":"cola","attributes":[{"name":"ml","values":[330,"x",true]}],"sort":[{"by":"name"}]}'
    assert check_search(decode(body, type=SearchQuery)) == Terms(("cola",), ())
    assert schema(SearchQuery)


def test_names_are_sorted_in_the_language_of_the_search() -> None:
    assert chosen(language="zh", sort=[{"by": "name"}]) == ["diet", "tea", "cola", "wings"]


def test_a_name_is_in_the_first_language_if_that_of_the_search_has_none() -> None:
    assert [COLA.name(language) for language in ("zh", "de", "")] == ["可乐", "Cola", "Cola"]
    assert TEA.name("en") == "tea"


figures = st.one_of(st.none(), st.integers(-3, 3))
found = st.builds(
    FoundSku,
    sku=st.text("abc", min_size=1, max_size=3),
    names=st.dictionaries(st.sampled_from(["en", "zh"]), st.text("xyÄ可", max_size=2), max_size=2),
    attributes=st.dictionaries(st.just("a"), st.one_of(figures.filter(lambda one: one is not None), st.booleans(),
        st.floats(), st.text("pq", max_size=1))),
    popularity=st.integers(0, 2),
    price=figures,
    available=figures,
    distance_km=st.one_of(st.none(), st.floats(0, 2)),
)  # fmt: skip
sorts = st.lists(
    st.sampled_from(["price", "-available", "distance", "name", "-attribute.a", "popularity"]), unique=True
)


@given(some=st.lists(found, unique_by=lambda one: one.sku, max_size=8), sort=sorts, seed=st.integers())
def test_one_order_whatever_the_order_of_the_candidates(some: list[FoundSku], sort: list[str], seed: int) -> None:
    query = SearchQuery("x", sort=read_sort(",".join(sort)), near=Near(0, 0))
    shuffled = list(some)
    Random(seed).shuffle(shuffled)
    assert select(some, query) == select(shuffled, query)
    assert sorted(one.sku for one in select(some, query)) == sorted(one.sku for one in some)
