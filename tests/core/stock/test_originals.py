"""Returns reverse what left with their sale, by the entry of the sale and not by today's recipes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.limits import QUANTITY_MAX, QUESTION_LINES_MAX, RECEIPT_ENTRIES_MAX
from replica.core.base.names import CHAIN
from replica.core.catalog.documents import pack_value
from replica.core.catalog.skus import Recipe
from replica.core.ledger.cells import Move
from replica.core.log.entry import (
    Content,
    Entry,
    EntryLine,
    Head,
    Stream,
    chain,
    check_content,
    pack_body,
    start,
    unpack_body,
)
from replica.core.log.entry_run import ReceivedRun
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.core.stock.originals import (
    OFTEN_USED,
    PAST_SALE,
    RECIPE_UNKNOWN,
    SEVERAL_SALES,
    derived_recipes,
    note_recipes,
    recipes_then,
)
from replica.core.stock.requests import (
    Action,
    Count,
    CountLine,
    Disposition,
    Quarantine,
    QuarantineLine,
    Return,
    Sale,
    SkuLine,
)
from replica.core.stock.sales import read_sale
from replica.core.stock.till_receipts import QUESTION, RETURN_CORRECTION, TillReceipt
from tests.core.chain import NOW_MS, STORE, Node, receipt

CUP, BOX = {"cup": 1}, {"box": 2, "card": 1}


def shop() -> Node:
    """A shop with stock. The recipe of `set` is a cup."""
    node = Node()
    node.ask(receipt(cup=20, box=20, card=20, cola=20), key="delivery")
    recipe(node, CUP)
    return node


def recipe(node: Node, units: dict[str, int], sku: str = "set") -> None:
    """Change a recipe."""
    node.write(sku, {"recipe": units})


def sold(sku: str = "set", quantity: int = 1, *, number: str = "R-1", till: str = "", **others: int) -> Sale:
    lines = [SkuLine(quantity, sku), *(SkuLine(more, other) for other, more in others.items())]
    return Sale(lines=tuple(lines), receipt=number, till=till)


def back(
    sku: str = "set", quantity: int = 1, *, original: str = "R-1", till: str = "", restock: bool = False
) -> Return:
    disposition = Disposition.RESTOCK if restock else Disposition.QUARANTINE
    return Return(lines=(SkuLine(quantity, sku),), original=original, disposition=disposition, till=till)


def on_hand(node: Node, *items: str) -> list[int]:
    return [node.replica.ledger.stock(node.replica.locations[0], item).figures.on_hand for item in items]


def corrections(node: Node) -> list[Entry]:
    node.commit()
    return [entry for entry, _ in node.journal if entry.content.kind == RETURN_CORRECTION]


def question(entry: Entry) -> Any:
    return entry.content.facts.get(QUESTION)


def test_a_return_brings_back_the_items_that_left_whatever_the_recipe_is_now() -> None:
    node = shop()
    node.ask(sold(), key="s")
    node.commit()
    recipe(node, BOX)
    entry = node.ask(back(), key="r")
    assert entry.content.moves == (Move("cup", "customer", "store-1/quarantine", 1),)
    assert (on_hand(node, "cup", "box"), question(entry), corrections(node)) == ([20, 20], None, [])


def test_a_return_right_after_its_sale_finds_it_before_it_is_durable() -> None:
    node = shop()
    node.ask(sold(), key="s")
    recipe(node, BOX)
    node.ask(back(), key="r")
    assert on_hand(node, "cup", "box") == [20, 20]


def test_a_return_by_barcode_brings_back_the_items_that_left() -> None:
    node = shop()
    node.write("set", {"recipe": CUP, "barcodes": ["4006381333931"]})
    node.ask(sold(), key="s")
    node.write("set", {"recipe": BOX, "barcodes": ["4006381333931"]})
    node.ask(Return(lines=(SkuLine(1, barcode="4006381333931"),), original="R-1"), key="r")
    assert on_hand(node, "cup", "box") == [20, 20]


def test_a_return_with_restock_brings_the_items_that_left_to_the_shelf() -> None:
    node = shop()
    node.ask(sold(), key="s")
    recipe(node, BOX)
    assert node.ask(back(restock=True), key="r").content.moves == (Move("cup", "customer", "store-1/free", 1),)


def test_a_return_of_a_deleted_sku_brings_back_the_items_that_left() -> None:
    node = shop()
    node.ask(sold(), key="s")
    node.write("set", None)
    node.ask(back(), key="r")
    assert on_hand(node, "cup") == [20]


def test_a_return_without_an_original_goes_by_todays_recipe() -> None:
    node = shop()
    node.ask(sold(), key="s")
    recipe(node, BOX)
    node.ask(back(original=""), key="r")
    assert on_hand(node, "cup", "box", "card") == [19, 22, 21]


@pytest.mark.parametrize("restock", [False, True])
def test_a_return_before_its_sale_is_corrected_when_the_sale_is_recorded(restock: bool) -> None:
    node = shop()
    entry = node.ask(back(restock=restock), key="r")
    assert (on_hand(node, "cup"), question(entry)) == ([21], None)
    node.commit()
    recipe(node, BOX)
    node.ask(sold(), key="s")
    (correction,) = corrections(node)
    account = "store-1/free" if restock else "store-1/quarantine"
    assert correction.content.moves == (
        Move("box", "customer", account, 2),
        Move("card", "customer", account, 1),
        Move("cup", account, "customer", 1),
    )
    assert on_hand(node, "cup", "box", "card") == [20, 20, 20]


def test_a_return_whose_sale_agrees_with_it_needs_no_correction() -> None:
    node = shop()
    node.ask(back(), key="r")
    node.ask(sold(), key="s")
    assert (corrections(node), on_hand(node, "cup")) == ([], [20])


@pytest.mark.parametrize("commits", [0, 3])
def test_the_fast_path_leaves_a_sale_that_was_returned_before_to_the_slow_path(commits: int) -> None:
    node = shop()
    node.ask(back(), key="r")
    recipe(node, {"box": 1})
    for number in range(commits):  # after some of them only the journal knows the receipt
        node.ask(receipt(cola=1), key=f"more-{number}")
        node.commit()
    asked = [[Command(STORE, sold(number=f"R-{number}"), b"s-%d" % number)] for number in range(3)]
    found = node.naming(TillReceipt(STORE, "R-1"))
    verdicts = decisions.execute_all(node.replica, asked, NOW_MS, {TillReceipt(STORE, "R-1"): found} if found else {})
    assert all(isinstance(entry, Entry) for (entry,) in verdicts)
    assert (len(corrections(node)), on_hand(node, "cup", "box")) == (1, [20, 18])


def test_items_to_take_out_that_left_quarantine_meanwhile_are_taken_from_the_shelf() -> None:
    node = shop()
    node.ask(back(), key="r")
    node.ask(Quarantine((QuarantineLine("cup", 1, Action.RESTOCK),)), key="q")
    recipe(node, BOX)
    node.ask(sold(), key="s")
    assert corrections(node)[0].content.moves == (
        Move("box", "customer", "store-1/quarantine", 2),
        Move("card", "customer", "store-1/quarantine", 1),
        Move("cup", "store-1/free", "customer", 1),
    )
    assert node.replica.ledger.stock(STORE, "cup").balance("store-1/quarantine") == 0


def test_items_to_take_out_that_the_node_does_not_have_are_a_breach() -> None:
    node = shop()
    node.ask(back(quantity=3), key="r")
    node.ask(Quarantine((QuarantineLine("cup", 2, Action.WRITE_OFF),)), key="q")
    node.ask(sold("cup", 19, number="R-2"), key="all-but-one")
    recipe(node, {"box": 1})
    node.ask(sold(quantity=3), key="s")
    (correction,) = corrections(node)
    assert correction.content.moves[1:] == (
        Move("cup", "store-1/quarantine", "customer", 1),
        Move("cup", "store-1/free", "customer", 2),
    )
    assert correction.content.facts["breach"] == {"cup": 1}


def test_a_correction_names_the_return_that_it_corrects() -> None:
    node = shop()
    returned = node.ask(back(), key="r")
    recipe(node, BOX)
    node.ask(sold(), key="s")
    (correction,) = corrections(node)
    assert correction.content.facts == {
        "return": returned.hash,
        "return_writer": returned.stream.writer,
        "return_sequence": returned.sequence,
        "as_of": returned.content.clock,
    }
    assert (correction.content.reference, correction.content.key) == (
        "R-1",
        b"void:" + returned.hash.hex().encode() + b":1",
    )


def test_a_count_between_a_return_and_its_correction_stays_right() -> None:
    node = shop()
    node.ask(back(), key="r", now_ms=NOW_MS)
    node.ask(Count((CountLine("cup", 20), CountLine("box", 22))), key="c", now_ms=NOW_MS + 1_000)
    recipe(node, {"box": 2})
    node.ask(sold(), key="s", now_ms=NOW_MS + 2_000)
    later = node.replica.counts.next_correction()
    while later is not None:
        node.replica.record(*later, b"", NOW_MS + 2_000)
        later = node.replica.counts.next_correction()
    assert on_hand(node, "cup", "box") == [20, 20]


def test_more_returned_than_sold_is_recorded_and_names_what_came_back() -> None:
    node = shop()
    node.ask(sold(quantity=2), key="s")
    assert question(node.ask(back(quantity=2), key="r-1")) is None
    entry = node.ask(back(), key="r-2")
    assert question(entry) == [PAST_SALE, [["set", 2, 3]]]
    assert on_hand(node, "cup") == [21]


def test_a_sku_that_was_not_sold_is_recorded_and_named() -> None:
    node = shop()
    node.ask(sold(), key="s")
    assert question(node.ask(back("cola"), key="r")) == [PAST_SALE, [["cola", 0, 1]]]


def test_a_bottle_out_of_a_six_pack_comes_back_without_a_question() -> None:
    node = shop()
    recipe(node, {"cola": 6}, "six")
    node.ask(sold("six"), key="s")
    assert [question(node.ask(back("cola"), key=f"r-{number}")) for number in range(6)] == [None] * 6
    assert question(node.ask(back("six"), key="r-7")) == [PAST_SALE, [["six", 1, 1]]]


def test_more_returned_than_sold_is_noted_when_the_sale_arrives_later() -> None:
    node = shop()
    node.ask(back(quantity=2), key="r-1")
    node.ask(back(quantity=1), key="r-2")
    node.ask(sold(quantity=2), key="s")
    (note,) = corrections(node)
    assert (note.content.moves, question(note)) == ((), [PAST_SALE, [["set", 2, 3]]])


def test_several_returns_of_a_sale_are_questioned_only_past_it() -> None:
    node = shop()
    node.ask(sold(quantity=2, cup=5), key="s")
    asked = [question(node.ask(back(quantity=1), key=f"r-{number}")) for number in range(3)]
    assert asked == [None, None, [PAST_SALE, [["set", 2, 3]]]]


def test_a_return_of_less_than_was_sold_leaves_the_rest_to_the_next() -> None:
    node = shop()
    node.ask(sold(quantity=3), key="s")
    assert [question(node.ask(back(quantity=number), key=f"r-{number}")) for number in (1, 2)] == [None, None]


def test_skus_that_were_not_sold_are_all_named_if_they_share_an_item() -> None:
    node = shop()
    recipe(node, {"cola": 1}, "can")
    node.ask(sold(), key="s")
    lines = (SkuLine(1, "cola"), SkuLine(1, "can"))
    assert question(node.ask(Return(lines=lines, original="R-1"), key="r")) == [
        PAST_SALE,
        [["cola", 0, 1], ["can", 0, 1]],
    ]


def test_a_question_that_a_correction_asked_is_not_asked_again() -> None:
    node = shop()
    node.ask(back(quantity=3, till="A"), key="r")
    node.ask(sold(quantity=2, till="A"), key="s-1")
    node.ask(sold("cola", till="B"), key="s-2")
    assert [question(one) for one in corrections(node)] == [[PAST_SALE, [["set", 2, 3]]]]


def test_two_sales_with_one_receipt_are_told_apart_by_the_till() -> None:
    node = shop()
    node.ask(sold(till="t-1"), key="s-1")
    recipe(node, BOX)
    node.ask(sold(till="t-2"), key="s-2")
    entry = node.ask(back(till="t-1"), key="r")
    assert ([move.item for move in entry.content.moves], question(entry)) == (["cup"], None)


@pytest.mark.parametrize(("till", "other"), [("", "t-2"), ("t-3", "t-2"), ("", "")])
def test_two_sales_with_one_receipt_that_no_till_decides_are_questioned(till: str, other: str) -> None:
    node = shop()
    node.ask(sold(till="t-1"), key="s-1")
    recipe(node, BOX)
    node.ask(sold(till=other), key="s-2")
    recipe(node, {"cola": 1})
    entry = node.ask(back(till=till), key="r")
    assert ([move.item for move in entry.content.moves], question(entry)) == (["cola"], [SEVERAL_SALES, []])


def hubs() -> tuple[Node, Node]:
    """Two hubs that write for one warehouse, with stock."""
    east, west = Node("hub-east", ("w-1",), None, "hub"), Node("hub-west", ("w-1",), None, "hub")
    east.ask(receipt(cup=20, box=20, card=20), key="delivery")
    recipe(east, CUP)
    meet(east, west)
    return east, west


def meet(*nodes: Node) -> None:
    """Let each node merge what the others wrote."""
    for _ in range(2):
        for node in nodes:
            node.commit()
        for node in nodes:
            for other in nodes:
                for scope in (CHAIN, "w-1") if other is not node else ():
                    node.take(other.runs(scope))
    for node in nodes:
        node.commit()


def test_a_return_is_corrected_by_its_writer_when_the_sale_of_another_node_arrives() -> None:
    east, west = hubs()
    east.ask(sold(), key="s")
    east.commit()
    recipe(west, BOX)
    west.ask(back(), key="r")
    meet(east, west)
    meet(east, west)
    assert [len(corrections(node)) for node in (east, west)] == [1, 1]
    assert corrections(east)[0].stream.writer == west.replica.writer
    assert on_hand(east, "cup", "box", "card") == on_hand(west, "cup", "box", "card") == [20, 20, 20]
    assert east.replica.digests() == west.replica.digests()


def test_a_node_corrects_its_own_return_after_one_of_another_node() -> None:
    east, west = hubs()
    east.ask(back(), key="r-1")
    meet(east, west)
    west.ask(back(), key="r-2")
    recipe(east, BOX)
    meet(east, west)
    west.ask(sold(quantity=2), key="s")
    west.commit()
    assert [one.stream.writer for one in corrections(west)] == [west.replica.writer]


def test_returns_of_one_sale_at_two_nodes_past_it_are_noted_once() -> None:
    east, west = hubs()
    east.ask(sold(), key="s")
    meet(east, west)
    east.ask(back(), key="r-1")
    west.ask(back(), key="r-2")
    meet(east, west)
    meet(east, west)
    assert [question(one) for one in corrections(east)] == [[PAST_SALE, [["set", 1, 2]]]]
    assert corrections(east) == corrections(west)


def test_a_return_that_two_nodes_accepted_counts_once_and_its_correction_is_undone() -> None:
    east, west = hubs()
    east.ask(back(), key="r")
    west.ask(back(), key="r", now_ms=NOW_MS + 5)
    recipe(west, BOX)
    west.ask(sold(), key="s", now_ms=NOW_MS + 10)
    assert on_hand(west, "cup", "box", "card") == [20, 20, 20]
    meet(east, west)
    meet(east, west)
    assert on_hand(east, "cup", "box", "card") == on_hand(west, "cup", "box", "card") == [20, 20, 20]
    assert [question(one) for one in corrections(east) if question(one)] == []


def test_a_crash_after_the_commit_repeats_no_correction() -> None:
    node = shop()
    node.ask(back(), key="r")
    node.commit()
    recipe(node, BOX)
    node.ask(sold(), key="s")
    node.commit()
    node.crash()
    node.ask(sold(), key="s")
    assert (len(corrections(node)), on_hand(node, "cup", "box")) == (1, [20, 20])


def test_the_recipes_of_a_usual_sale_follow_from_its_entry_and_are_not_noted() -> None:
    node = shop()
    recipe(node, {"cola": 6}, "six")
    sales = sold("set", 2), sold("set", 1, cola=3), sold("six", 2, cola=1), sold("cola", 2, set=1)
    for number, sale in enumerate(sales):
        content = node.ask(sale, key=f"s-{number}").content
        assert "recipes" not in content.facts
        wanted = {line.sku: node.replica.catalog.recipe_of(line.sku, "sku") for line in content.lines}
        assert recipes_then(content) == wanted


def test_recipes_that_do_not_follow_from_the_entry_are_noted_beside_the_request() -> None:
    node = shop()
    recipe(node, {"cup": 1, "card": 2}, "gift")
    recipe(node, BOX)
    sale = sold("set", 1, gift=1)
    content = node.ask(sale, key="s").content
    assert recipes_then(content) == {"set": (("box", 2), ("card", 1)), "gift": (("card", 2), ("cup", 1))}
    assert read_sale(content) == sale


def names_items_only(known: dict[str, dict[str, int]]) -> bool:
    """Whether the catalogue accepts the recipes: a name of a SKU is an item only if its own recipe has that item."""
    return all(item in known.get(item, units) for units in known.values() for item in units)


recipes = st.dictionaries(
    st.sampled_from("abcd"),
    st.dictionaries(st.sampled_from("abxyz"), st.integers(1, 3), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
).filter(names_items_only)


@given(recipes, st.data())
def test_the_recipes_of_any_sale_can_be_read_from_its_entry(known: dict[str, dict[str, int]], data: Any) -> None:
    baskets = st.lists(st.tuples(st.sampled_from(sorted(known)), st.integers(1, 3)), min_size=1, max_size=5)
    basket = data.draw(baskets)
    node = Node()
    for sku, units in known.items():
        recipe(node, units, sku)
    content = node.ask(Sale(lines=tuple(SkuLine(quantity, sku) for sku, quantity in basket)), key="s").content
    wanted: dict[str, Recipe] = {sku: tuple(sorted(known[sku].items())) for sku, _ in basket}
    assert recipes_then(content) == wanted


def test_an_entry_whose_lines_show_no_recipe_gives_none() -> None:
    assert derived_recipes([("a", 1), ("b", 1)], {"x": 2}) is None
    assert derived_recipes([("a", 2)], {"x": 3}) is None
    facts: dict[str, Any] = {}
    note_recipes(facts, [("a", (("x", 1),), 1), ("b", (("x", 1),), 1)], {"x": 2})
    assert facts == {"recipes": {"a": {"x": 1}, "b": {"x": 1}}}


def test_two_skus_that_share_all_their_items_have_their_recipes_noted() -> None:
    facts: dict[str, Any] = {}
    note_recipes(facts, [("a", (("x", 1), ("y", 1)), 1), ("b", (("x", 2), ("y", 1)), 1)], {"x": 3, "y": 2})
    assert facts == {"recipes": {"a": {"x": 1, "y": 1}, "b": {"x": 2, "y": 1}}}


def test_one_sku_beside_items_sold_by_their_names_took_the_rest() -> None:
    assert derived_recipes([("cola", 2), ("menu", 1)], {"cola": 3, "cup": 1, "wings": 6}) == {
        "cola": (("cola", 1),),
        "menu": (("cola", 1), ("cup", 1), ("wings", 6)),
    }
    assert derived_recipes([("cola", 2)], {"cola": 2, "cup": 1}) is None
    assert derived_recipes([("cola", 1), ("menu", 1), ("tea", 1)], {"cola": 2, "tea": 1}) == {
        "cola": (("cola", 1),),
        "menu": (("cola", 1),),
        "tea": (("tea", 1),),
    }


def peer_entry(kind: str, facts: dict[str, Any] | None = None, quantity: int = 3, clock: int = 0) -> Content:
    """An entry of three cups that a peer of another make may have written."""
    moves = (Move("cup", "hub-x/free", "customer", 3),)
    moved = moves if kind == "sale" else (Move("cup", "customer", "hub-x/free", 3),)
    return Content(
        kind=kind,
        clock=(NOW_MS << 16) + clock,
        key=b"",
        actor="",
        reason="",
        reference="R-1" if kind == "sale" else "",
        moves=moved,
        lines=(EntryLine("set", quantity, 0, 0),),
        facts=facts or {},
    )


def take_from_peer(node: Node, *contents: Content, writer: str = "hub-x#0000000b") -> None:
    """Merge entries of a peer, one after the other."""
    stream = Stream(writer, STORE)
    head = start(stream)
    for content in contents:
        body = pack_body(content)
        check_content(content, body)
        entry = Entry(stream, head.sequence + 1, chain(head.hash, body), body, unpack_body(body))
        node.take([ReceivedRun(stream, entry.sequence, head.hash, [entry])])
        head = Head(entry.sequence, entry.hash)


def test_a_correction_past_the_units_of_one_move_is_a_question_instead() -> None:
    node = shop()
    recipe(node, {"cup": 1}, "kit")
    node.ask(back("kit", 40_000_000), key="r")
    recipe(node, {"cup": 1_000}, "kit")
    node.ask(sold("kit"), key="s")
    (note,) = corrections(node)
    assert (note.content.moves, question(note)) == ((), [PAST_SALE, [["kit", 1, 40_000_000]]])


def test_a_return_of_the_most_units_of_one_move_is_corrected() -> None:
    node = shop()
    recipe(node, {"cup": 1}, "kit")
    node.ask(back("kit", QUANTITY_MAX), key="r")
    recipe(node, {"box": 1}, "kit")
    node.ask(sold("kit", QUANTITY_MAX), key="s")
    assert corrections(node)[0].content.moves[0] == Move("box", "customer", "store-1/quarantine", QUANTITY_MAX)


def test_every_entry_of_corrections_is_one_that_a_peer_takes() -> None:
    node = shop()
    recipe(node, {"cup": 1}, "kit")
    node.ask(back("kit", 900_000_000), key="r")
    recipe(node, {"box": 1, "cup": 1}, "kit")
    node.ask(sold("kit"), key="s")
    for correction in corrections(node):
        check_content(correction.content, correction.body)


@pytest.mark.parametrize("number", [0, -1, 2**62, True, float("inf"), 1.5, "1", None, []])
def test_noted_recipes_that_no_node_writes_are_not_believed(number: object) -> None:
    content = peer_entry("sale", {"recipes": {"set": {"cup": number}}})
    assert recipes_then(content) is None
    node = shop()
    node.ask(back(quantity=2), key="r")
    take_from_peer(node, content)
    assert [one.content.moves for one in corrections(node)] == []


@pytest.mark.parametrize(
    "facts", [{"recipes": {"set": {"a b/c": 1}}}, {"recipes": {"set": {}}}, {"recipes": {"set": {"box": 1}}}]
)
def test_noted_recipes_that_do_not_explain_the_moves_are_not_believed(facts: dict[str, Any]) -> None:
    assert recipes_then(peer_entry("sale", facts)) is None


@pytest.mark.parametrize("quantity", [0, -1, 2**62])
@pytest.mark.parametrize("kind", ["sale", "return"])
def test_a_line_of_a_peer_with_no_quantity_shows_no_recipe(kind: str, quantity: int) -> None:
    node = shop()
    node.ask(back(quantity=2), key="r")
    strange = peer_entry(kind, {"original": "R-1"} if kind == "return" else {}, quantity)
    take_from_peer(node, strange, peer_entry("sale", clock=1))
    assert recipes_then(strange) is None


@pytest.mark.parametrize("noted", [["x", 5], ["x"], 5, True, {}, "xyz", ["x", [5]]])
def test_a_question_of_a_peer_in_another_form_is_not_that_of_the_node(noted: object) -> None:
    node = shop()
    node.ask(back(quantity=2), key="r")
    take_from_peer(node, peer_entry("return", {"original": "R-1", "question": noted}), peer_entry("sale", clock=1))
    (note,) = corrections(node)
    assert question(note) == [PAST_SALE, [["set", 3, 5]]]


def test_a_receipt_that_too_many_entries_name_corrects_no_return_again() -> None:
    node = shop()
    for number in range(40):
        node.ask(back(till="A"), key=f"r-{number}")
    recipe(node, {"box": 1})
    node.ask(sold(quantity=40, till="A"), key="s")
    corrected = len(corrections(node))
    for number in range(3):
        node.ask(sold("cola", till="B"), key=f"s-{number}")
        node.commit()
    assert (corrected, len(corrections(node)), on_hand(node, "cup", "box")) == (40, 40, [20, 20])


@pytest.mark.parametrize("is_durable", [False, True])
def test_a_return_to_a_receipt_that_too_many_entries_name_is_questioned(is_durable: bool) -> None:
    node = shop()
    for number in range(RECEIPT_ENTRIES_MAX):
        node.ask(sold(), key=f"s-{number}")
    if is_durable:
        for _ in range(4):
            node.commit()
            node.ask(sold(number="R-2"))
    assert question(node.ask(back(), key="r")) == [OFTEN_USED, []]


def new_kit(node: Node, kit: str, letter: str) -> None:
    """Give a SKU a recipe of 100 new items with long names."""
    units = {f"{kit}-{part:02}-{letter * 50}": 1 for part in range(100)}
    decisions.write(node.replica, DocumentWrite("sku", kit, pack_value({"recipe": units}), b"", True), NOW_MS)


def test_a_correction_too_large_for_one_entry_is_spread_over_several() -> None:
    node = Node()
    kits = [f"kit-{number}" for number in range(48)]
    for kit in kits:
        new_kit(node, kit, "y")
    lines = tuple(SkuLine(1, kit) for kit in kits)
    node.ask(Return(lines=lines, original="R-1"), key="r")
    for kit in kits:
        new_kit(node, kit, "x")
    sale = node.ask(Sale(lines=lines, receipt="R-1"), key="s")
    written = corrections(node)
    assert [len(one.content.moves) for one in written] == [*[1_000] * 9, 600]
    assert len({one.content.key for one in written}) == 10
    assert {on_hand(node, move.item)[0] for one in [sale, *written] for move in one.content.moves} == {0}


def test_a_question_about_a_return_lists_a_limited_number_of_skus() -> None:
    node = shop()
    node.ask(sold(), key="s")
    lines = tuple(SkuLine(1, f"sku-{number}") for number in range(QUESTION_LINES_MAX + 1))
    reason, listed = question(node.ask(Return(lines=lines, original="R-1"), key="r"))
    assert (reason, len(listed)) == (PAST_SALE, QUESTION_LINES_MAX)


def test_recipes_of_an_earlier_release_that_todays_contradict_are_unknown() -> None:
    node = shop()
    recipe(node, {"box": 1, "card": 1}, "a")
    recipe(node, {"box": 1}, "b")
    content = Content(
        kind="sale",
        clock=NOW_MS << 16,
        key=b"",
        actor="",
        reason="",
        reference="R-1",
        moves=(Move("box", "hub-x/free", "customer", 2), Move("card", "hub-x/free", "customer", 1)),
        lines=(EntryLine("a", 1, 0, 0), EntryLine("b", 1, 0, 0)),
        facts={},
    )
    assert recipes_then(content) == {"a": (("box", 2),), "b": (("card", 1),)}
    take_from_peer(node, content)
    assert question(node.ask(back("b"), key="r")) == [RECIPE_UNKNOWN, []]


def test_noted_recipes_count_although_todays_would_explain_the_sale_as_well() -> None:
    node = shop()
    few, many = {"box": 1, "card": 1}, {"box": 2, "card": 1}
    recipe(node, few, "a")
    recipe(node, many, "b")
    assert "recipes" in node.ask(sold("a", b=1), key="s").content.facts
    recipe(node, many, "a")
    recipe(node, few, "b")
    entry = node.ask(back("a"), key="r")
    assert (question(entry), [move.quantity for move in entry.content.moves]) == (None, [1, 1])


@pytest.mark.parametrize("is_first_known", [False, True])
def test_a_second_sale_with_the_receipt_of_a_return_is_questioned_once(is_first_known: bool) -> None:
    node = shop()
    if is_first_known:
        node.ask(sold(till="A"), key="s-1")
    node.ask(back(), key="r")
    if not is_first_known:
        node.ask(sold(till="A"), key="s-1")
    for number in range(2, 5):
        node.commit()
        node.ask(sold("cola", till="B"), key=f"s-{number}")
    (note,) = corrections(node)
    assert (note.content.moves, question(note)) == ((), [SEVERAL_SALES, []])


def test_a_correction_is_taken_back_when_a_second_sale_has_the_receipt() -> None:
    node = shop()
    node.ask(back(), key="r")
    recipe(node, BOX)
    node.ask(sold(till="A"), key="s-1")
    recipe(node, CUP)
    node.ask(sold(till="B"), key="s-2")
    node.commit()
    assert [question(one) for one in corrections(node)] == [None, [SEVERAL_SALES, []]]
    assert [one.content.key[-2:] for one in corrections(node)] == [b":1", b":2"]
    assert on_hand(node, "cup", "box", "card") == [20, 18, 19]


def test_a_second_note_of_a_return_has_a_key_of_its_own() -> None:
    node = shop()
    node.ask(back(quantity=3, till="A"), key="r-1")
    node.ask(sold(quantity=2, till="A"), key="s")
    node.ask(sold("cola", till="A"), key="s-2")
    assert [question(one) for one in corrections(node)] == [
        [PAST_SALE, [["set", 2, 3]]],
        [SEVERAL_SALES, []],
    ]
    assert [one.content.key[-2:] for one in corrections(node)] == [b":1", b":2"]


def test_a_return_of_a_till_that_decides_is_not_questioned_when_a_second_sale_arrives() -> None:
    node = shop()
    node.ask(sold(till="A"), key="s-1")
    node.ask(back(till="A"), key="r")
    node.ask(sold("cola", till="B"), key="s-2")
    assert corrections(node) == []


def test_a_sale_that_arrives_after_its_return_with_unknown_recipes_is_questioned_once() -> None:
    node = shop()
    node.ask(back(), key="r")
    take_from_peer(node, peer_entry("sale", quantity=2), peer_entry("return", {"original": "R-1"}, clock=1))
    (note,) = corrections(node)
    assert (note.content.moves, question(note)) == ((), [RECIPE_UNKNOWN, []])


def test_a_return_that_knew_the_recipes_is_left_when_they_are_unknown_later() -> None:
    node = shop()
    recipe(node, {"cup": 1, "box": 1}, "a")
    recipe(node, {"cup": 1}, "b")
    moves = Move("cup", "hub-x/free", "customer", 3), Move("box", "hub-x/free", "customer", 1)
    lines = EntryLine("a", 1, 0, 0), EntryLine("b", 2, 0, 0)
    take_from_peer(node, msgspec.structs.replace(peer_entry("sale"), moves=moves, lines=lines))
    entry = node.ask(back("b"), key="r")
    recipe(node, BOX, "b")
    take_from_peer(node, peer_entry("return", {"original": "R-1"}), writer="hub-y#0000000b")
    assert (question(entry), corrections(node)) == (None, [])


@pytest.mark.parametrize("first", ["a", "b"])
def test_each_till_with_the_same_number_takes_back_what_it_sold_and_no_more(first: str) -> None:
    node, quantities = shop(), {"a": 1, "b": 2}
    for till, quantity in quantities.items():
        node.ask(sold(quantity=quantity, till=till), key=f"sale-{till}")
    tills = sorted(quantities, key=lambda till: till != first)
    for till in tills:
        assert question(node.ask(back(quantity=quantities[till], till=till), key=f"all-{till}")) is None
    for till in tills:
        more = node.ask(back(till=till), key=f"more-{till}")
        assert question(more) == [PAST_SALE, [["set", quantities[till], quantities[till] + 1]]]


def test_a_duplicate_is_undone_although_the_recipes_of_its_sale_are_unknown_by_now() -> None:
    east, west = (Node(name, (STORE,), None, "hub") for name in ("hub-east", "hub-west"))
    for node in (east, west):
        recipe(node, {"card": 1}, "b")
    recipe(east, {"cup": 1, "box": 1}, "a")
    east.ask(back("b"), key="r-1")
    east.ask(back("b"), key="r-2", now_ms=NOW_MS + 5)
    recipe(east, {"cup": 1}, "b")
    moves = Move("cup", "hub-x/free", "customer", 3), Move("box", "hub-x/free", "customer", 1)
    lines = EntryLine("a", 1, 0, 0), EntryLine("b", 2, 0, 0)
    take_from_peer(east, msgspec.structs.replace(peer_entry("sale"), moves=moves, lines=lines))
    assert (len(corrections(east)), on_hand(east, "card", "cup")) == (2, [0, -1])
    recipe(east, BOX, "b")
    west.ask(back("b"), key="r-2")
    west.commit()
    east.take(west.runs(STORE))
    assert (len(corrections(east)), on_hand(east, "card", "cup")) == (3, [1, -2])


def test_a_return_without_any_recipe_does_not_hold_up_the_next() -> None:
    node = shop()
    unknown = msgspec.structs.replace(
        peer_entry("return", {"original": "R-1"}),
        moves=(Move("cup", "customer", "store-1/quarantine", 3),),
        lines=(EntryLine("odd", 2, 0, 0),),
    )
    take_from_peer(node, unknown, writer="store-1#0000000b")
    node.ask(back(), key="r")
    recipe(node, BOX)
    node.ask(sold(), key="s")
    assert [one.content.reference for one in corrections(node)] == ["R-1"]
    assert on_hand(node, "box", "card") == [20, 20]
