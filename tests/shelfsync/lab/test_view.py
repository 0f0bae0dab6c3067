"""What the lab shows follows from the answers of the nodes."""

from __future__ import annotations

from typing import Any

from shelfsync.lab.records import RECENT_MAX, Records
from shelfsync.lab.view import UNKNOWN, groups, line_state, missing, scope_views, stock_view
from shelfsync.proxy import Direction, Proxy

STOCK: dict[str, Any] = {
    "location": "store-1",
    "on_hand": 3,
    "reserved": 3,
    "available": 0,
    "breach": 2,
    "accounts": {
        "customer": 7,
        "supplier": -10,
        "store-1/free": -2,
        "hub-east/free": 1,
        "hub-east/channel.web": 1,
        "hub-east/held": 3,
        "hub-west/free": 0,
        "store-1/quarantine": 4,
    },
}


def test_rights_are_the_free_units_and_quotas_of_each_node() -> None:
    assert stock_view(STOCK).rights == {"store-1": -2, "hub-east": 2}


def test_stock_of_a_hub_is_read_like_that_of_a_store() -> None:
    holders = {"store-1": {"rights": -2}, "hub-east": {"rights": 2}, "hub-west": {"rights": 0}}
    of_hub = {**STOCK, "holders": holders}
    del of_hub["accounts"]
    assert stock_view(of_hub) == stock_view(STOCK)


def test_equal_digests_have_one_group_and_that_of_the_store_is_the_first() -> None:
    digests = {"hub-east": "b", "hub-west": "a", "store-1": "a", "hub-north": "c", "hub-south": None}
    assert groups(digests, "store-1") == {
        "hub-east": 1,
        "hub-west": 0,
        "store-1": 0,
        "hub-north": 2,
        "hub-south": UNKNOWN,
    }


def test_each_node_lacks_the_entries_that_another_has() -> None:
    vectors = {
        "store-1": {"store-1#1": {"sequence": 9}},
        "hub-east": {"store-1#1": {"sequence": 4}, "hub-east#1": {"sequence": 2}},
        "hub-west": {},
    }
    assert missing(vectors) == {"store-1": 2, "hub-east": 5, "hub-west": 11}


def test_store_is_compared_with_each_hub_that_answered() -> None:
    def status(digest: str, sequence: int) -> dict[str, Any]:
        return {
            "digests": {"store-1": digest},
            "version_vector": {"store-1": {"store-1#1": {"sequence": sequence, "hash": ""}}},
        }

    statuses = {"store-1": status("aaaaaaaa", 5), "hub-east": status("bbbbbbbb", 3)}
    promises = {"hub-east": {"store-1": 2}}
    stocks = {"hub-east": {"store-1": stock_view(STOCK)}}

    views = scope_views("store-1", statuses, stocks, promises, ["hub-east", "hub-west"])

    assert list(views) == ["store-1", "hub-east"]
    assert (views["store-1"].digest, views["store-1"].group, views["store-1"].missing) == ("aaaaaa", 0, 0)
    assert (views["hub-east"].digest, views["hub-east"].group, views["hub-east"].missing) == ("bbbbbb", 1, 2)
    assert views["hub-east"].promise == 2
    assert views["store-1"].stock is None


def test_line_is_whole_cut_or_losing() -> None:
    line = Proxy(1)
    assert line_state(line) == "whole"
    line.black_hole(Direction.UP)
    assert line_state(line) == "losing"
    line.cut()
    assert line_state(line) == "cut"
    line.heal()
    assert line_state(line) == "whole"


def test_records_are_the_newest_first_and_bounded() -> None:
    times_s = iter(range(1_000))
    records = Records(lambda: next(times_s))
    for number in range(RECENT_MAX + 3):
        records.add("sold", n=number)
    assert len(records.recent) == RECENT_MAX
    assert (records.recent[0].number, records.recent[0].values) == (RECENT_MAX + 3, {"n": RECENT_MAX + 2})
