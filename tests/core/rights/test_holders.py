"""Holders: which node has which units of an item, by the accounts that it owns."""

from __future__ import annotations

from replica.core.rights.holders import Holder, holders_of, sum_of_holders


def test_a_node_has_the_units_of_its_accounts_and_may_promise_all_except_held_and_quarantined_ones() -> None:
    balances = {
        "customer": 9,
        "hub-east/campaign.spring": 4,
        "hub-east/channel.mall": 5,
        "hub-east/channel.web": 2,
        "hub-east/free": 1,
        "hub-east/held": 3,
        "hub-east/quarantine": 6,
        "store-1/free": 7,
        "supplier": -37,
    }
    assert holders_of(balances) == {
        "hub-east": Holder(
            rights=12,
            free=1,
            held=3,
            quarantined=6,
            channels={"mall": 5, "web": 2},
            campaigns={"spring": 4},
        ),
        "store-1": Holder(rights=7, free=7, held=0, quarantined=0, channels={}, campaigns={}),
    }


def test_nodes_and_their_channels_come_in_order_of_names() -> None:
    found = holders_of({"b/channel.y": 1, "b/channel.x": 1, "a/free": 1})
    assert (list(found), list(found["b"].channels)) == (["a", "b"], ["x", "y"])


def test_a_node_that_holds_units_only_in_orders_may_promise_none() -> None:
    assert holders_of({"hub-east/held": 3}) == {"hub-east": Holder(rights=0, free=0, held=3)}


def test_empty_accounts_and_those_outside_are_no_holders() -> None:
    assert holders_of({"supplier": -5, "customer": 5, "hub-east/free": 0}) == {}


def test_a_breach_is_a_balance_below_zero() -> None:
    assert holders_of({"store-1/free": -2, "store-1/held": 1}) == {"store-1": Holder(rights=-2, free=-2, held=1)}


def test_an_account_of_a_later_version_counts_to_the_rights_of_its_owner() -> None:
    assert holders_of({"hub-east/reserve": 5}) == {"hub-east": Holder(rights=5, free=0)}


def test_units_at_several_locations_are_added_account_by_account() -> None:
    found = sum_of_holders([{"a/free": 2, "a/held": 1}, {"a/free": 3, "b/free": 1}, {"b/free": -1}])
    assert found == {"a": Holder(rights=5, free=5, held=1)}
    assert sum_of_holders([]) == {}
