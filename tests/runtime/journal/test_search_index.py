"""The search index on a real SQLite file: what it finds, and that it lives and falls with the transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replica.core.base.errors import Broken
from replica.core.base.limits import SEARCH_CANDIDATES_MAX
from replica.core.catalog.documents import pack_value
from replica.core.catalog.search_terms import matches, read_searchable, read_terms, texts_of, tokens_of
from replica.runtime.journal import search_index
from replica.runtime.journal.damage import DataRefused
from replica.runtime.journal.search_index import SkuChange


def document(*names: str, **attributes: Any) -> bytes:
    """The packed `sku` document with these names and attributes."""
    value = {"recipe": {"x": 1}, "names": {f"l{n}": name for n, name in enumerate(names)}, "attributes": attributes}
    return pack_value(value)


GOODS: list[SkuChange] = [
    ("cola", document("Coca-Cola 330ml", "可口可乐", brand="Fizz")),
    ("pepsi", document("Pepsi", "百事可乐")),
    ("wings", document("Wings", "鸡翅", grams=500)),
]


def connect(path: Path) -> sqlite3.Connection:
    """A connection as the journal has it."""
    return sqlite3.connect(path / "journal.sqlite", isolation_level=None)


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction."""
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("COMMIT")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A file with the index of GOODS."""
    connection = connect(tmp_path)
    with writing(connection):
        assert search_index.open_index(connection, lambda: GOODS)
    yield connection
    connection.close()


def found(connection: sqlite3.Connection, query: str) -> list[str]:
    """The SKUs that a text finds."""
    return sorted(one.sku for one in search_index.find(connection, read_terms(query)).found)


@pytest.mark.parametrize(
    ("query", "skus"),
    [
        ("可", ["cola", "pepsi"]),
        ("乐", ["cola", "pepsi"]),
        ("可乐", ["cola", "pepsi"]),
        ("口可", ["cola"]),
        ("可口可乐", ["cola"]),
        ("可乐可", []),
        ("c", ["cola"]),
        ("col 可乐", ["cola"]),
        ("coca-c", ["cola"]),
        ("fizz", ["cola"]),
        ("500", ["wings"]),
        ("WIN", ["wings"]),
        ("pepsi 翅", []),
    ],
)
def test_a_search_finds_words_by_their_beginning_and_chinese_by_any_part(
    index: sqlite3.Connection, query: str, skus: list[str]
) -> None:
    assert found(index, query) == skus


def test_a_changed_name_is_found_and_the_former_one_is_not(index: sqlite3.Connection) -> None:
    with writing(index):
        search_index.update(index, [("pepsi", document("Max", "无糖可乐"))])
    assert [found(index, query) for query in ("max", "糖", "百", "pep")] == [["pepsi"], ["pepsi"], [], ["pepsi"]]
    search_index.check(index)


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "ended"},
        {"attributes": {"organic": False}},
        {"attributes": {"vegan": True}},
        {"attributes": {"organic": True, "vegan": False}},
        {"attributes": {}},
        {"names": {"de": "Tea"}},
        {"names": {"zh": "绿茶"}},
    ],
)
def test_a_found_sku_is_as_its_newest_document_says(index: sqlite3.Connection, changed: dict[str, Any]) -> None:
    before = {"recipe": {"x": 1}, "names": {"en": "Tea"}, "attributes": {"organic": True}, "status": "active"}
    for value in (before, before | changed, before):
        with writing(index):
            search_index.update(index, [("tea", pack_value(value))])
        (one,) = search_index.find(index, read_terms("te")).found
        assert (one.names, one.attributes, one.status) == (value["names"], value["attributes"], value["status"])
    search_index.check(index)


@pytest.mark.parametrize("value", [None, b"", pack_value({"names": {"en": 1}})])
def test_a_sku_without_a_readable_document_is_not_found(index: sqlite3.Connection, value: bytes | None) -> None:
    with writing(index):
        search_index.update(index, [("cola", value), ("cola", value), ("new", value)])
    assert [found(index, query) for query in ("可", "cola", "new")] == [["pepsi"], [], []]
    search_index.check(index)


def test_a_rollback_takes_the_index_back(index: sqlite3.Connection) -> None:
    index.execute("BEGIN IMMEDIATE")
    search_index.update(index, [("cola", None), ("tea", document("绿茶"))])
    assert found(index, "绿") == ["tea"]
    index.execute("ROLLBACK")
    assert [found(index, query) for query in ("绿", "口")] == [[], ["cola"]]
    search_index.check(index)


def test_a_rollback_of_the_first_start_leaves_no_index(tmp_path: Path) -> None:
    connection = connect(tmp_path)
    connection.execute("BEGIN IMMEDIATE")
    search_index.open_index(connection, lambda: GOODS)
    connection.execute("ROLLBACK")
    with writing(connection):
        assert search_index.open_index(connection, lambda: GOODS)
    assert found(connection, "口") == ["cola"]


def test_an_index_of_this_version_is_kept_at_the_next_start(index: sqlite3.Connection, tmp_path: Path) -> None:
    def no_documents() -> list[SkuChange]:
        raise AssertionError("the index was to be kept")

    again = connect(tmp_path)
    with writing(again):
        assert not search_index.open_index(again, no_documents)
    assert found(again, "可") == ["cola", "pepsi"]


def test_an_index_of_another_version_is_built_again(index: sqlite3.Connection) -> None:
    index.execute("UPDATE search_version SET version = '0'")
    with writing(index):
        assert search_index.open_index(index, lambda: GOODS[2:])
    assert [found(index, query) for query in ("可", "翅")] == [[], ["wings"]]
    with writing(index):
        assert not search_index.open_index(index, lambda: GOODS)


@pytest.mark.parametrize("write", [
    lambda connection: search_index.open_index(connection, lambda: GOODS),
    lambda connection: search_index.update(connection, GOODS),
    lambda connection: search_index.merge(connection, 16),
])  # fmt: skip
def test_the_index_is_not_written_outside_a_transaction(index: sqlite3.Connection, write: Any) -> None:
    with pytest.raises(Broken):
        write(index)


def test_a_search_that_too_many_fit_says_so_and_goes_on_from_there(tmp_path: Path) -> None:
    connection = connect(tmp_path)
    many: list[SkuChange] = [(f"sku-{n}", document(f"可乐{n}")) for n in range(2 * SEARCH_CANDIDATES_MAX)]
    with writing(connection):
        search_index.open_index(connection, lambda: many)
    first = search_index.find(connection, read_terms("可"))
    assert first.is_capped and len(first.found) == SEARCH_CANDIDATES_MAX
    second = search_index.find(connection, read_terms("可"), first.through)
    assert not second.is_capped
    assert [one.sku for one in first.found + second.found] == [sku for sku, _ in many]
    assert search_index.find(connection, read_terms("可"), second.through).found == []
    assert not search_index.find(connection, read_terms("可乐 7")).is_capped


def test_a_sku_keeps_its_place_when_its_document_changes(tmp_path: Path) -> None:
    connection = connect(tmp_path)
    many: list[SkuChange] = [(f"sku-{n}", document(f"可乐{n}")) for n in range(SEARCH_CANDIDATES_MAX + 1)]
    with writing(connection):
        search_index.open_index(connection, lambda: many)
    first = search_index.find(connection, read_terms("可"))
    with writing(connection):
        search_index.update(connection, [("sku-7", document("可乐七"))])
    (last,) = search_index.find(connection, read_terms("可"), first.through).found
    assert last.sku == f"sku-{SEARCH_CANDIDATES_MAX}"
    assert "sku-7" in [one.sku for one in search_index.find(connection, read_terms("可")).found]


def test_segments_are_merged_only_when_asked(index: sqlite3.Connection) -> None:
    def segments() -> int:
        (count,) = index.execute("SELECT count(DISTINCT segid) FROM search_index_idx").fetchone()
        return int(count)

    for number in range(40):
        with writing(index):
            search_index.update(index, [(f"tea-{number}", document(f"绿茶{number}"))])
    assert segments() > 40
    with writing(index):
        while search_index.merge(index, 64):
            pass
    assert segments() < 20
    assert len(found(index, "绿茶")) == 40
    search_index.check(index)


def test_a_python_without_the_module_is_refused_at_the_start() -> None:
    connection = sqlite3.connect(":memory:")
    search_index.check_support(connection)
    connection.execute("CREATE TEMP TABLE pragma_module_list (name TEXT)")  # hides the list of SQLite: it is empty now
    with pytest.raises(DataRefused, match="FTS5"):
        search_index.check_support(connection)


names = st.text(st.sampled_from("可口乐百事abc 1"), max_size=6)
changes = st.lists(st.tuples(st.sampled_from(["s1", "s2", "s3"]), st.one_of(st.none(), names)), max_size=12)


@settings(max_examples=60)
@given(changed=changes, queries=st.lists(st.text(st.sampled_from("可口乐百a1"), min_size=1, max_size=4), max_size=6))
def test_the_index_finds_what_a_look_at_each_document_finds(
    changed: list[tuple[str, str | None]], queries: list[str]
) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    held: dict[str, bytes] = {}
    with writing(connection):
        search_index.open_index(connection, list)
    for sku, name in changed:
        value = None if name is None else document(name)
        with writing(connection):
            search_index.update(connection, [(sku, value)])
        held.pop(sku, None)
        if value is not None:
            held[sku] = value
    search_index.check(connection)
    for query in queries:
        terms = read_terms(query)
        documents = {sku: read_searchable(value) for sku, value in held.items()}
        expected = [sku for sku, one in documents.items() if one is not None and matches(terms, texts_of(sku, one))]
        assert found(connection, query) == sorted(expected)
    connection.close()


@settings(max_examples=200)
@given(some=st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4))
def test_any_text_goes_into_the_index_and_finds_its_sku(some: list[str]) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with writing(connection):
        search_index.open_index(connection, lambda: [("s", document(*some))])
    for text in some:
        if tokens_of([text]):
            assert found(connection, text) == ["s"]
    with writing(connection):
        search_index.update(connection, [("s", document("x"))])
    search_index.check(connection)
    assert found(connection, "x") == ["s"]
    connection.close()
