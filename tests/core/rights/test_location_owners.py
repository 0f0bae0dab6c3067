"""Location owners, inferred from replicated entries."""

from __future__ import annotations

from replica.core.base.names import CHAIN
from replica.core.rights.requests import Grant, GrantLine
from tests.core.chain import NOW_MS, STORE, Node, receipt


def hub(name: str = "hub-west", *locations: str) -> Node:
    return Node(name, locations, None, "hub")


def store(name: str = STORE) -> Node:
    """A node of the one location there is here."""
    return Node(name, (STORE,), (STORE, CHAIN))


def supplied(node: Node, now_ms: int = NOW_MS) -> Node:
    node.ask(receipt(cola=5), now_ms=now_ms)
    node.commit()
    return node


def location_owners(viewer: Node, *hubs: str, met: str = "") -> dict[str, str]:
    viewer.replica.learn_location_owners({STORE: met} if met else {}, hubs)
    return viewer.replica.location_owners.nodes


def test_a_node_that_receives_goods_is_the_location_owner_after_a_restart_too() -> None:
    viewer = hub()
    viewer.take(supplied(store()).runs())
    viewer.commit()
    assert location_owners(viewer) == {STORE: STORE}
    viewer.crash()
    assert location_owners(viewer) == {STORE: STORE}


def test_a_grant_at_a_location_does_not_make_its_receiver_the_owner() -> None:
    viewer, shop, east = hub(), supplied(store()), hub("hub-east", STORE)
    shop.ask(Grant("hub-east", (GrantLine("cola", 2),)))
    shop.commit()
    for node in (viewer, east):
        node.take(shop.runs())
    east.ask(Grant(STORE, (GrantLine("cola", 2),)), now_ms=NOW_MS + 1)
    east.commit()
    viewer.take(east.runs())
    assert location_owners(viewer) == {STORE: STORE}


def test_a_hub_that_writes_for_a_location_is_not_its_owner() -> None:
    viewer, elsewhere, met = hub(), supplied(hub("hub-east", STORE)), supplied(hub("hub-north", STORE))
    viewer.take(elsewhere.runs())
    assert location_owners(viewer) == {STORE: "hub-east"}, "nothing shows yet that it is a hub"
    elsewhere.write("cola", {"recipe": {"cola": 1}})
    elsewhere.commit()
    viewer.take(elsewhere.runs(CHAIN))
    assert location_owners(viewer) == {}
    assert viewer.replica.location_owners.owns_location("hub-east", viewer.replica.ledger) is False
    viewer.take(met.runs())
    assert location_owners(viewer, "hub-north") == {}
    viewer.take(supplied(store()).runs())
    assert location_owners(viewer, "hub-north") == {STORE: STORE}


def test_node_that_writes_for_a_location_is_not_its_own_store() -> None:
    assert location_owners(supplied(hub("hub-west", STORE))) == {}


def test_of_two_owners_of_a_location_the_one_heard_of_last_counts() -> None:
    viewer = hub()
    for name, now_ms in (("z-old", NOW_MS), ("a-new", NOW_MS + 1)):
        viewer.take(supplied(store(name), now_ms).runs(), now_ms)
    assert location_owners(viewer) == {STORE: "a-new"}
    viewer.commit()
    viewer.crash()
    assert location_owners(viewer) == {STORE: "a-new"}


def test_a_store_that_was_met_owns_its_location_whatever_was_written_there() -> None:
    viewer = hub()
    assert location_owners(viewer, met="newcomer") == {STORE: "newcomer"}
    viewer.take(supplied(store()).runs())
    assert location_owners(viewer, met="newcomer") == {STORE: "newcomer"}
