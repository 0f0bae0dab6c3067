"""Known nodes: what the journal says about nodes that a replica did not meet, also after a restart."""

from __future__ import annotations

from replica.core.base.names import CHAIN
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state import decisions
from replica.core.state.known_nodes import KnownNode, known_nodes, rights_by_node
from tests.core.chain import NOW_MS, STORE, Node, hub, receipt, store


def deliver(source: Node, target: Node, scope: str = STORE) -> None:
    """Give a node all entries of another one in a scope."""
    source.commit()
    decisions.merge(target.replica, source.runs(scope), NOW_MS)
    target.commit()


def granting_store() -> Node:
    """A store that received ten colas and granted four to hub-west, which never wrote anything."""
    node = store(1)
    node.ask(receipt(cola=10))
    node.ask(Grant("hub-west", (GrantLine("cola", 4),)))
    return node


def test_a_node_is_known_by_its_entries_with_its_rights() -> None:
    east, away = hub("hub-east"), granting_store()
    deliver(away, east)
    last = away.journal[-1][0].content.clock
    assert known_nodes(east.replica)["store-1"] == KnownNode(
        node="store-1",
        writer=away.replica.writer,
        owns_location=True,
        locations=("store-1",),
        heard=last,
        rights={"store-1": 6},
    )


def test_an_owner_of_rights_that_never_wrote_is_known_without_a_role() -> None:
    east = hub("hub-east")
    deliver(granting_store(), east)
    west = known_nodes(east.replica)["hub-west"]
    assert (west.writer, west.owns_location, west.heard) == (None, None, None)
    assert (west.locations, west.rights) == (("store-1",), {"store-1": 4})


def test_a_node_that_wrote_for_the_chain_is_no_store() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    west.write("cola", {"recipe": {"cola": 1}})
    deliver(west, east, CHAIN)
    found = known_nodes(east.replica)["hub-west"]
    assert (found.owns_location, found.locations) == (False, ())


def test_a_replica_does_not_list_itself() -> None:
    east = hub("hub-east")
    east.ask(receipt(cola=1))
    east.commit()
    assert known_nodes(east.replica) == {}


def test_a_restart_forgets_no_node() -> None:
    east = hub("hub-east")
    deliver(granting_store(), east)
    before = known_nodes(east.replica)
    east.crash()
    assert known_nodes(east.replica) == before


def test_the_newest_incarnation_of_a_node_is_told() -> None:
    east, first = hub("hub-east"), granting_store()
    deliver(first, east)
    second = store(1).restored("0000000b")
    second.ask(receipt(tea=1), now_ms=NOW_MS + 5_000)
    deliver(second, east)
    deliver(first, east)
    assert known_nodes(east.replica)["store-1"].writer == "store-1#0000000b"


def test_rights_are_listed_only_where_a_node_has_some() -> None:
    node = store(1)
    node.ask(receipt(cola=1))
    assert rights_by_node(node.replica) == {STORE: {STORE: 1}}
    node.ask(Grant("hub-east", (GrantLine("cola", 1),)))
    assert rights_by_node(node.replica) == {"hub-east": {STORE: 1}, STORE: {}}
