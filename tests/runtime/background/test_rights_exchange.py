"""Rights between live nodes, in virtual time: policies and requests move them, and then nothing moves any more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from replica.core.base.errors import RightsExhausted
from replica.core.base.limits import WANTS_MAX
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine, GoodsReceipt, OnShortage, Sale, SkuLine
from replica.runtime.background.rebalancer import SETTLE_S
from replica.runtime.background.rights_answers import FETCH_S
from replica.runtime.background.rights_requests import COOLING_MIN_MS, Survey
from replica.runtime.background.strategy import Pair
from replica.runtime.node import Node
from tests.runtime.region import COLA, STORE, Region
from tests.runtime.virtual import elapsed_s, hub, until

pytestmark = pytest.mark.virtual_time


def asked_by(node: Node) -> dict[str, int]:
    """How many requests a node sent to each connected peer."""
    links = {peer.name: peer.link for peer in node.peers.connected}
    return {name: link.session.wants_sent for name, link in links.items() if link is not None}


async def test_store_without_a_policy_grants_nothing() -> None:
    chain = Region()
    await chain.open(10)
    await asyncio.sleep(10)
    assert chain.rights() == (10, 0, 0)


async def test_policy_moves_units_to_the_hub_which_then_sells_them() -> None:
    chain = Region()
    await chain.open(10)
    await chain.rule(mode="safety", safety_stock=4)
    await until(lambda: chain.rights() == (4, 6, 0), 5)
    await chain.sell(chain.east, 6)
    with pytest.raises(RightsExhausted):
        await chain.sell(chain.east, 1)
    await until(lambda: chain.store.replica.ledger.stock(STORE, COLA).figures.on_hand == 4, 5)


async def test_items_that_move_shortly_after_one_another_all_get_to_the_hub() -> None:
    chain, items = Region(), [COLA, "tea", "milk"]
    await chain.open(0)
    await chain.rule(mode="safety", safety_stock=4)
    await asyncio.sleep(5)
    for item in items:
        await chain.do(chain.store, GoodsReceipt((GoodsLine(10, item=item),)))
    stocks = [chain.store.replica.ledger.stock(STORE, item) for item in items]
    await until(lambda: [stock.balance(f"{STORE}/free") for stock in stocks] == [4] * len(items), 5)


async def test_region_that_joins_gets_its_share_although_another_item_is_below_zero() -> None:
    chain, warehouse = Region(), "hub-east"
    chain.east.start([], 0.0)
    await chain.do_at(warehouse, chain.east, GoodsReceipt((GoodsLine(10, item=COLA),)))
    await chain.rule(mode="share", regions={"east": 0.5, "west": 0.5})
    sale = Sale(lines=(SkuLine(20, "tea"),), on_shortage=OnShortage.RECORD)
    await chain.do_at(warehouse, chain.east, sale)
    await asyncio.sleep(5)
    chain.west.start([["hub-east"]], 0.0)
    await until(lambda: chain.west.replica.ledger.stock(warehouse, COLA).balance("hub-west/free") == 5, 10)


async def test_many_sales_make_few_grants() -> None:
    chain = Region()
    await chain.open(200)
    await chain.rule(mode="share", share=0.5)
    await until(lambda: chain.rights() == (100, 100, 0), 5)
    for _ in range(60):
        await chain.sell(chain.east, 1)
        await asyncio.sleep(0.05)
    await asyncio.sleep(5)
    own, online, _ = chain.rights()
    assert abs(own - online) <= 2 * max(1, min(own, online) // 8)
    assert len(await chain.grants()) <= 1 + 60 * 0.05 / SETTLE_S + 1


async def test_regions_get_their_units_through_the_home_hub() -> None:
    chain = Region()
    await chain.open(20)
    await chain.rule(mode="share", share=0.5, regions={"east": 0.5, "west": 0.5})
    await until(lambda: chain.rights() == (10, 5, 5), 10)
    before = len(await chain.grants())
    await asyncio.sleep(60)
    assert len(await chain.grants()) == before == 2


async def test_regions_get_their_units_again_after_a_request_for_rights_ends() -> None:
    chain = Region()
    await chain.open(100)
    await chain.rule(mode="share", share=0.8, regions={"east": 0.5, "west": 0.5})
    await until(lambda: chain.rights() == (20, 40, 40), 10)
    assert await chain.west.rights.want(STORE, COLA, 79, 5.0) >= 79
    await until(lambda: chain.rights() == (20, 40, 40), 5)


async def test_regions_get_their_units_again_after_a_late_denial_of_a_request() -> None:
    chain = Region()
    await chain.open(100)
    await chain.rule(mode="share", share=0.8, regions={"east": 0.5, "west": 0.5})
    await until(lambda: chain.rights() == (20, 40, 40), 10)
    chain.store.worker("RightsAnswers").cancel()
    assert await chain.east.rights.want(STORE, COLA, 90, 5.0) == 80
    await asyncio.sleep(5)
    assert chain.rights() == (20, 80, 0), "the request is still in flight"
    answering = asyncio.create_task(chain.store.rights_answers.run())
    await until(lambda: chain.rights() == (20, 40, 40), 5)
    answering.cancel()


async def test_store_grants_nothing_by_policy_without_a_connected_hub() -> None:
    chain = Region()
    await chain.open(10)
    chain.east.peers.close()
    chain.store.worker("Dialer").cancel()
    await chain.rule(mode="safety", safety_stock=4)
    await asyncio.sleep(10)
    assert chain.rights() == (10, 0, 0)


async def test_a_store_that_runs_low_asks_for_rights_back() -> None:
    chain = Region()
    await chain.open(10)
    await chain.rule(mode="safety", safety_stock=4)
    await until(lambda: chain.rights() == (4, 6, 0), 5)
    await chain.sell(chain.store, 4)
    await until(lambda: chain.rights() == (4, 2, 0), 5)


async def test_node_with_free_units_covers_goods_in_hand_sold_past_the_rights() -> None:
    chain = Region()
    await chain.open(10)
    await chain.do(chain.store, Grant("hub-east", (GrantLine(COLA, 8),)))
    await until(lambda: chain.free(chain.east, "hub-east") == 8, 5)
    await chain.sell(chain.store, 5, OnShortage.RECORD)
    await until(lambda: chain.rights() == (0, 5, 0), 5)


async def test_units_return_to_the_store_when_its_policy_keeps_all() -> None:
    chain = Region()
    await chain.open(10)
    await chain.rule(mode="safety", safety_stock=1)
    await until(lambda: chain.rights() == (1, 9, 0), 5)
    await chain.rule(mode="keep")
    await until(lambda: chain.rights() == (10, 0, 0), 5)


async def test_nodes_look_at_no_item_again_once_the_policy_is_reached() -> None:
    chain = Region()
    await chain.open(20)
    await chain.rule(mode="share", share=0.5, regions={"east": 0.5, "west": 0.5})
    await until(lambda: chain.rights() == (10, 5, 5), 10)
    await until(lambda: not any(node.rebalancer.waiting for node in chain.nodes), 5)


async def test_units_of_more_items_than_requests_may_be_in_flight_return_to_the_store() -> None:
    chain, items = Region(), [f"tea-{number}" for number in range(WANTS_MAX + 10)]
    await chain.open(0)
    await chain.do(chain.store, GoodsReceipt(tuple([GoodsLine(2, item=item) for item in items])))
    await chain.rule(mode="safety")
    stocks = [chain.store.replica.ledger.stock(STORE, item) for item in items]
    await until(lambda: not any(stock.balance(f"{STORE}/free") for stock in stocks), 5)
    await chain.rule(mode="keep")
    await until(lambda: all(stock.balance(f"{STORE}/free") == 2 for stock in stocks), 10)


async def test_items_that_are_crowded_out_are_not_surveyed_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look surveyed all of them, in one turn: many items held up the sales of the store for seconds."""
    monkeypatch.setattr("replica.core.sync.session.WANTS_MAX", 2)
    chain, items, surveyed = Region(), [f"tea-{number}" for number in range(20)], []
    await chain.open(0)
    await chain.do(chain.store, GoodsReceipt(tuple([GoodsLine(2, item=item) for item in items])))
    await chain.rule(mode="safety")
    stocks = [chain.store.replica.ledger.stock(STORE, item) for item in items]
    await until(lambda: not any(stock.balance(f"{STORE}/free") for stock in stocks), 5)
    survey = chain.store.rights._survey

    def noted(pair: Pair, replica: Replica) -> Survey:
        surveyed.append(pair)
        return survey(pair, replica)

    monkeypatch.setattr(chain.store.rights, "_survey", noted)
    await chain.rule(mode="keep")
    await until(lambda: all(stock.balance(f"{STORE}/free") == 2 for stock in stocks), 30)
    assert len(surveyed) < 2 * len(items)


async def test_caller_waits_until_its_holder_has_answered_another_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replica.core.sync.session.WANTS_MAX", 1)
    chain, items = Region(), [f"tea-{number}" for number in range(3)]
    await chain.open(0)
    await chain.do(chain.store, GoodsReceipt(tuple([GoodsLine(4, item=item) for item in items])))
    await chain.do(chain.store, Grant("hub-west", tuple([GrantLine(item, 4) for item in items])))
    ledger = chain.east.replica.ledger
    await until(lambda: ledger.stock(STORE, items[-1]).balance("hub-west/free") == 4, 5)
    await asyncio.sleep(1)
    wants = [chain.east.rights.want(STORE, item, 4, 5.0) for item in items]
    assert await asyncio.gather(*wants) == [4] * len(items)


async def test_store_grants_its_surplus_to_a_hub_that_lacks_rights() -> None:
    chain = Region()
    await chain.open(100)
    await chain.rule(mode="share", share=0.5)
    await until(lambda: chain.rights() == (50, 50, 0), 5)
    await chain.sell(chain.east, 8)  # the store's surplus of 4 is below its watermark
    await asyncio.sleep(5)
    assert chain.rights() == (50, 42, 0)
    assert await chain.east.rights.want(STORE, COLA, 46, 5.0) == 46
    assert chain.rights() == (46, 46, 0)
    started_s = elapsed_s()
    assert await chain.east.rights.want(STORE, COLA, 60, 5.0) == 46
    assert elapsed_s() - started_s < 1.0, "a denial ends the wait"


async def test_store_keeps_its_units_of_the_policy_when_two_hubs_ask_at_once() -> None:
    chain = Region()
    for hub_node in (chain.east, chain.west):
        hub_node.start([], 0.0)
    chain.store.start([["hub-east"], ["hub-west"]], 0.0)
    chain.store.worker("RightsRebalancer").cancel()  # it would grant the surplus before the hubs ask
    await chain.rule(mode="share", share=0.5)
    await chain.do(chain.store, GoodsReceipt((GoodsLine(100, item=COLA),)))
    await until(lambda: {chain.free(one, STORE) for one in chain.nodes} == {100}, 5)
    await asyncio.sleep(1)
    granted = await asyncio.gather(*[one.rights.want(STORE, COLA, 40, 5.0) for one in (chain.east, chain.west)])
    assert sorted(granted) == [10, 40]
    assert chain.free(chain.store, STORE) == 50


async def test_richest_holder_is_asked_first_and_may_grant_fewer_units() -> None:
    chain = Region()
    await chain.open(20)
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 7),)))
    await until(lambda: chain.rights() == (13, 0, 7), 5)
    await asyncio.sleep(1)
    assert await chain.east.rights.want(STORE, COLA, 9, 5.0) == 7
    assert chain.rights() == (13, 7, 0)


async def test_only_the_richest_holder_is_asked_if_it_grants_all() -> None:
    chain = Region()
    north = hub("hub-north", chain.network, region="north")
    chain.network.nodes["hub-north"] = north
    await chain.open(20)
    north.start([["hub-east"]], 0.0)
    await chain.do(chain.store, Grant("hub-north", (GrantLine(COLA, 3),)))
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 17),)))
    await until(lambda: chain.rights() == (0, 0, 17) and chain.free(chain.east, "hub-north") == 3, 5)
    await until(lambda: len(chain.east.peers.connected) == 3, 5)
    await asyncio.sleep(1)
    assert await chain.east.rights.want(STORE, COLA, 5, 5.0) == 5
    assert asked_by(chain.east) == {"hub-north": 0, "hub-west": 1, STORE: 0}


async def test_nobody_is_asked_for_an_item_that_nobody_has() -> None:
    chain = Region()
    await chain.open(0)
    await until(lambda: len(chain.east.peers.connected) == 2, 5)
    assert await chain.east.rights.want(STORE, COLA, 5, 5.0) == 0
    assert asked_by(chain.east) == {"hub-west": 0, STORE: 0}


async def test_holder_with_room_for_a_request_is_asked_if_the_richest_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replica.core.sync.session.WANTS_MAX", 1)
    chain = Region()
    north = hub("hub-north", chain.network, region="north")
    chain.network.nodes["hub-north"] = north
    await chain.open(20)
    north.start([["hub-east"]], 0.0)
    await chain.do(chain.store, GoodsReceipt((GoodsLine(5, item="tea"),)))
    await chain.do(chain.store, Grant("hub-north", (GrantLine(COLA, 8),)))
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 12), GrantLine("tea", 5))))
    await until(lambda: chain.rights() == (0, 0, 12) and chain.free(chain.east, "hub-north") == 8, 5)
    await until(lambda: len(chain.east.peers.connected) == 3, 5)
    await asyncio.sleep(1)
    chain.west.worker("RightsAnswers").cancel()  # its session stays full
    tea = asyncio.create_task(chain.east.rights.want(STORE, "tea", 5, 5.0))
    await asyncio.sleep(0.5)
    assert await chain.east.rights.want(STORE, COLA, 5, 2.0) == 5
    assert await tea == 0


async def test_hub_asks_no_store_for_the_units_that_another_store_requests() -> None:
    chain = Region()
    await chain.open(9)
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 4),)))
    await until(lambda: chain.rights() == (5, 0, 4), 5)
    await asyncio.sleep(1)
    assert await chain.store.rights.want(STORE, COLA, 9, 5.0) == 9
    assert asked_by(chain.east) == {"hub-west": 1, STORE: 0}


async def test_request_that_ends_before_the_node_could_look_gets_no_units() -> None:
    chain = Region()
    await chain.open(5)
    chain.disk.write_s = lambda: 2.0
    selling = asyncio.create_task(chain.sell(chain.store, 1))
    await asyncio.sleep(0.1)
    assert await chain.store.rights.want(STORE, COLA, 4, -1.0) == 0
    await selling


async def test_after_a_denial_a_node_knows_when_it_may_ask_again() -> None:
    chain = Region()
    await chain.open(10)
    assert await chain.east.rights.ask(STORE, COLA, 1) is None
    await asyncio.sleep(0.1)
    retry_ms = await chain.east.rights.ask(STORE, COLA, 1)
    assert retry_ms is not None
    assert 0 < retry_ms < COOLING_MIN_MS
    assert await chain.east.rights.ask(STORE, "tea", 1) is None, "nobody has any"


async def test_oldest_denial_is_forgotten_past_the_number_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replica.runtime.background.rights_requests.COOLING_KEPT", 1)
    chain = Region()
    await chain.open(10)
    await chain.do(chain.store, GoodsReceipt((GoodsLine(5, item="tea"),)))
    await asyncio.sleep(1)
    for item in (COLA, "tea", "tea", COLA):
        assert await chain.east.rights.want(STORE, item, 1, 5.0) == 0
    assert asked_by(chain.east)[STORE] == 3


async def test_granted_units_are_arriving_until_they_are_here_and_are_not_asked_for_twice() -> None:
    chain = Region()
    await chain.open(10)
    await chain.rule(mode="share", share=0.5)
    await until(lambda: chain.rights() == (5, 5, 0), 10)
    await asyncio.sleep(15)
    await chain.rule(mode="share")
    chain.store.worker("RightsRebalancer").cancel()  # it would grant them by policy
    await asyncio.sleep(1)
    chain.disk.write_s, chain.east_disk.write_s = lambda: 0.5, lambda: 2.0
    callers = [asyncio.create_task(chain.east.rights.want(STORE, COLA, 8, 9.0))]
    await asyncio.sleep(0.1)
    writing = asyncio.create_task(chain.rule(mode="share"))  # the grant waits until this is durable
    await asyncio.sleep(1)
    assert chain.east.rights.arriving == [(STORE, COLA)]
    callers.append(asyncio.create_task(chain.east.rights.want(STORE, COLA, 7, 9.0)))
    await writing
    assert min(await asyncio.gather(*callers)) >= 7
    assert asked_by(chain.east)[STORE] == 1
    assert chain.east.rights.arriving == []


async def test_node_does_not_ask_a_holder_again_soon_after_a_denial() -> None:
    chain = Region()
    await chain.open(10)
    link = chain.east.peers.known[STORE].link
    assert link is not None
    for _ in range(5):
        assert await chain.east.rights.want(STORE, COLA, 1, 5.0) == 0
    assert link.session.wants_sent == 1
    await asyncio.sleep(COOLING_MIN_MS / 1000)
    assert await chain.east.rights.want(STORE, COLA, 1, 5.0) == 0
    assert link.session.wants_sent == 2


async def test_node_waits_as_after_a_first_denial_once_the_holder_granted_something() -> None:
    chain = Region()
    await chain.open(100)
    await chain.rule(mode="share", share=0.5)
    await until(lambda: chain.rights() == (50, 50, 0), 5)
    link = chain.east.peers.known[STORE].link
    assert link is not None
    for _ in range(6):  # each denial doubles the wait
        assert await chain.east.rights.want(STORE, COLA, 60, 5.0) == 50
        await asyncio.sleep(60)
    assert link.session.wants_sent == 6
    await chain.sell(chain.east, 8)  # the store's surplus of 4 is below its watermark
    await asyncio.sleep(60)
    assert await chain.east.rights.want(STORE, COLA, 46, 5.0) == 46
    assert await chain.east.rights.want(STORE, COLA, 60, 5.0) == 46
    before = link.session.wants_sent
    await asyncio.sleep(COOLING_MIN_MS / 1000)
    assert await chain.east.rights.want(STORE, COLA, 60, 5.0) == 46
    assert link.session.wants_sent == before + 1


async def test_two_short_hubs_do_not_swap_units_for_ever() -> None:
    chain = Region()
    await chain.open(20)
    await chain.do(chain.store, Grant("hub-east", (GrantLine(COLA, 3),)))
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 3),)))
    await until(lambda: chain.rights() == (14, 3, 3), 5)
    await asyncio.sleep(1)
    before = len(await chain.grants())
    older, younger = (hub.rights.want(STORE, COLA, 6, 30.0) for hub in (chain.east, chain.west))
    assert (await asyncio.gather(older, younger))[0] == 6
    await asyncio.sleep(60)
    assert len(await chain.grants()) <= before + 2


async def test_hub_of_another_region_grants_its_surplus_to_a_store_that_runs_low() -> None:
    chain = Region()
    await chain.open(100)
    await chain.rule(mode="share", share=0.8, regions={"west": 1.0})
    await until(lambda: chain.rights() == (20, 0, 80), 10)
    await chain.sell(chain.store, 18)
    await until(lambda: chain.rights() == (17, 0, 65), 4)
    await chain.rule(mode="keep")
    await until(lambda: chain.rights() == (82, 0, 0), 4)


async def test_hub_fetches_several_items_for_a_store_at_once() -> None:
    chain, items = Region(), [f"tea-{number}" for number in range(5)]
    await chain.open(0)
    await chain.do(chain.store, GoodsReceipt(tuple([GoodsLine(8, item=item) for item in items])))
    await chain.do(chain.store, Grant("hub-west", tuple([GrantLine(item, 8) for item in items])))
    ledger = chain.west.replica.ledger
    await until(lambda: ledger.stock(STORE, items[-1]).balance("hub-west/free") == 8, 5)
    await asyncio.sleep(1)
    started_s = elapsed_s()
    wants = [chain.store.rights.want(STORE, item, 4, 5.0) for item in items]
    assert await asyncio.gather(*wants) == [4] * len(items)
    assert elapsed_s() - started_s < 1.0


async def test_store_gets_rights_from_a_hub_of_another_region_through_its_own_hub() -> None:
    chain = Region()
    await chain.open(10)
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 10),)))
    await until(lambda: chain.rights() == (0, 0, 10), 5)
    await asyncio.sleep(1)
    assert await chain.store.rights.want(STORE, COLA, 4, 5.0) == 4
    assert chain.rights() == (4, 0, 6)
    assert chain.east.rights_answers.fetching == 0


async def test_hub_grants_what_it_has_if_the_hub_of_another_region_does_not_answer() -> None:
    chain = Region()
    await chain.open(10)
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 7),)))
    await chain.do(chain.store, Grant("hub-east", (GrantLine(COLA, 3),)))
    await until(lambda: chain.rights() == (0, 3, 7), 5)
    await asyncio.sleep(1)
    chain.west.worker("RightsAnswers").cancel()
    started_s = elapsed_s()
    assert await chain.store.rights.want(STORE, COLA, 9, 30.0) == 3
    assert elapsed_s() - started_s < 2 * FETCH_S + 0.5, "one fetch for the grant, and one for the denial"
    assert chain.rights() == (3, 0, 7)


@pytest.mark.parametrize(("is_older", "given"), [(True, 0), (False, 4)])
async def test_hub_that_waited_for_rights_longer_than_the_store_grants_it_nothing(is_older: bool, given: int) -> None:
    chain = Region()
    silent = hub("hub-north", chain.network, region="north")
    chain.network.nodes["hub-north"] = silent
    await chain.open(11)
    silent.start([["hub-west"]], 0.0)
    silent.worker("RightsAnswers").cancel()  # it accepts requests and answers none, so peers wait
    await chain.do(chain.store, Grant("hub-north", (GrantLine(COLA, 1),)))
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 10),)))
    await until(lambda: chain.rights() == (0, 0, 10) and chain.free(silent, "hub-north") == 1, 5)
    await asyncio.sleep(1)
    stamp = chain.west.replica.clock.next(chain.west.clock.now().wall_ms)
    waiting = asyncio.create_task(chain.west.rights.want(STORE, COLA, 99, 60.0, stamp if is_older else stamp << 1))
    await asyncio.sleep(1)
    assert await chain.store.rights.want(STORE, COLA, 4, 5.0) == given
    assert chain.rights() == (given, 0, 10 - given)
    assert not waiting.done()


async def test_node_combines_requests_for_one_item() -> None:
    chain = Region()
    await chain.open(20)
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 9),)))
    await until(lambda: chain.free(chain.east, "hub-west") == 9, 5)
    await asyncio.sleep(1)
    link = chain.east.peers.known["hub-west"].link
    assert link is not None
    had = await asyncio.gather(*[chain.east.rights.want(STORE, COLA, 3, 5.0) for _ in range(3)])
    assert min(had) >= 3
    assert link.session.wants_sent <= 2


async def test_request_for_rights_ends_at_its_timeout_if_the_holder_does_not_answer() -> None:
    chain = Region()
    await chain.open(20)
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 9),)))
    await until(lambda: chain.free(chain.east, "hub-west") == 9, 5)
    chain.west.worker("RightsAnswers").cancel()  # it accepts requests and answers none
    started_s = elapsed_s()
    assert await chain.east.rights.want(STORE, COLA, 3, 2.0) == 0
    assert elapsed_s() - started_s == pytest.approx(2.0)


async def test_store_asks_again_after_it_lost_its_hub_while_the_hub_owed_an_answer() -> None:
    chain = Region()
    await chain.open(10)
    await chain.rule(mode="safety", safety_stock=4)
    await until(lambda: chain.rights() == (4, 6, 0), 5)
    chain.east.worker("RightsAnswers").cancel()  # it accepts requests and answers none
    await chain.sell(chain.store, 4)
    await until(lambda: asked_by(chain.store) == {"hub-east": 1}, 5)
    await asyncio.sleep(5)
    assert chain.rights() == (0, 6, 0)
    chain.store.peers.close()
    await until(lambda: chain.east.rights_answers.waiting == 0, 5)
    answering = asyncio.create_task(chain.east.rights_answers.run())
    await until(lambda: chain.rights() == (4, 2, 0), 60)
    answering.cancel()


async def test_caller_gets_units_of_the_next_holder_at_once_if_the_first_one_leaves() -> None:
    chain = Region()
    north = hub("hub-north", chain.network, region="north")
    chain.network.nodes["hub-north"] = north
    await chain.open(14)
    north.start([["hub-east"]], 0.0)
    await chain.do(chain.store, Grant("hub-north", (GrantLine(COLA, 5),)))
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 9),)))
    await until(lambda: chain.rights() == (0, 0, 9) and chain.free(chain.east, "hub-north") == 5, 5)
    await until(lambda: len(chain.east.peers.connected) == 3, 5)
    chain.west.worker("RightsAnswers").cancel()
    wanting = asyncio.create_task(chain.east.rights.want(STORE, COLA, 3, 60.0))
    await until(lambda: asked_by(chain.east) == {"hub-north": 0, "hub-west": 1, STORE: 0}, 5)
    left_s = elapsed_s()
    chain.west.worker("Dialer").cancel()
    chain.west.peers.close()
    assert await wanting == 3
    assert elapsed_s() - left_s < 5
    assert chain.free(chain.east, "hub-north") == 2


async def test_counts_of_waiting_callers_and_requests_are_zero_once_they_are_answered() -> None:
    chain = Region()
    await chain.open(10)
    await chain.rule(mode="share")
    await until(lambda: chain.rights() == (0, 10, 0), 10)
    wanting = asyncio.create_task(chain.west.rights.want(STORE, COLA, 4, 5.0))
    await asyncio.sleep(0)
    assert chain.west.rights.waiting == 1
    assert await wanting == 4
    await asyncio.sleep(1)
    assert chain.west.rights.waiting == chain.east.rights_answers.waiting == 0
    assert chain.west.rights.arriving == []
    assert chain.east.peers.live == len(chain.east.peers.connected) == 2
    assert [peer.link.session.unanswered for peer in chain.east.peers.connected if peer.link] == [(0, 0)] * 2


async def test_hub_asks_other_hubs_for_a_bounded_number_of_items_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replica.runtime.background.rights_answers.FETCHES_MAX", 1)
    chain, items = Region(), ["milk", "tea"]
    await chain.open(0)
    await chain.do(chain.store, GoodsReceipt(tuple([GoodsLine(8, item=item) for item in items])))
    await chain.do(chain.store, Grant("hub-west", tuple([GrantLine(item, 8) for item in items])))
    ledger = chain.east.replica.ledger
    await until(lambda: ledger.stock(STORE, "tea").balance("hub-west/free") == 8, 5)
    await asyncio.sleep(1)
    chain.west.worker("RightsAnswers").cancel()
    wants = [asyncio.create_task(chain.store.rights.want(STORE, item, 4, 1.0)) for item in items]
    await asyncio.sleep(0.5)
    assert chain.east.rights_answers.fetching == 1
    assert await asyncio.gather(*wants) == [0, 0]


async def test_store_gets_in_one_grant_all_that_its_hub_can_fetch() -> None:
    chain = Region()
    await chain.open(10)
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 10),)))
    await until(lambda: chain.rights() == (0, 0, 10), 5)
    await asyncio.sleep(1)
    assert await chain.store.rights.want(STORE, COLA, 10, 5.0) == 10
    granted = [entry.content.moves[0].quantity for entry in await chain.grants()]
    assert granted == [10, 10, 10], "to west, to east, and back"


async def test_store_gets_a_single_unit_of_a_hub_of_another_region() -> None:
    chain = Region()
    await chain.open(1)
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 1),)))
    await until(lambda: chain.rights() == (0, 0, 1), 5)
    await asyncio.sleep(1)
    assert await chain.store.rights.want(STORE, COLA, 1, 5.0) == 1


@pytest.mark.parametrize(("policy", "due"), [({"mode": "keep"}, 10), ({"mode": "safety", "safety_stock": 2}, 2)])
async def test_hub_fetches_only_what_the_policy_leaves_to_the_store(policy: dict[str, Any], due: int) -> None:
    chain = Region()
    await chain.open(10)
    for node in chain.nodes:
        node.worker("RightsRebalancer").cancel()
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 10),)))
    await chain.rule(**policy)
    await until(lambda: chain.rights() == (0, 0, 10) and chain.west.replica.policies.policy(STORE, COLA) is not None, 5)
    await asyncio.sleep(1)
    assert await chain.store.rights.want(STORE, COLA, 10, 5.0) == due
    granted = [entry.content.moves[0].quantity for entry in await chain.grants()]
    assert granted == [10, due, due], "to west, to east, and back"


async def test_requests_that_wait_for_their_answer_are_counted_while_another_answer_is_committed() -> None:
    chain, items = Region(), ["milk", "tea"]
    await chain.open(0)
    await chain.do(chain.store, GoodsReceipt(tuple([GoodsLine(8, item=item) for item in items])))
    await chain.do(chain.store, Grant("hub-east", tuple([GrantLine(item, 3) for item in items])))
    await chain.do(chain.store, Grant("hub-west", tuple([GrantLine(item, 5) for item in items])))
    ledger = chain.east.replica.ledger
    await until(lambda: ledger.stock(STORE, "tea").balance("hub-west/free") == 5, 5)
    await asyncio.sleep(1)
    chain.west.worker("RightsAnswers").cancel()
    callers = []
    for item in items:
        callers.append(asyncio.create_task(chain.store.rights.want(STORE, item, 8, 3 * FETCH_S)))
        await asyncio.sleep(0.5)
    chain.east_disk.write_s = lambda: 1.0
    counts = []
    while not all(caller.done() for caller in callers):
        counts.append((chain.east.rights_answers.waiting, chain.east.rights_answers.fetching))
        await asyncio.sleep(0.1)
    assert (2, 2) in counts
    assert (1, 0) in counts, "the hub is granting the first item, and the second one waits"
    assert min(waiting - fetching for waiting, fetching in counts) == 0


async def test_keys_of_grants_name_the_writer_so_that_two_hubs_never_use_the_same() -> None:
    chain = Region()
    await chain.open(10)
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 10),)))
    await until(lambda: chain.rights() == (0, 0, 10), 5)
    await asyncio.sleep(1)
    assert await chain.east.rights.want(STORE, COLA, 4, 5.0) == 4
    (_, given) = await chain.grants()
    assert given.stream.writer.encode() in given.content.key
