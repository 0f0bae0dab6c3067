"""Each scenario ends as its file expects, and its faults have the intended effect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from simulations.__main__ import simulate
from simulations.draw import draw_plan
from simulations.faults import OF_IDENTITY
from simulations.outcome import Outcome, play_out
from simulations.plan import Fault, Plan, Trade
from simulations.report.lanes import links
from simulations.scenario import Scenario, as_toml, read_scenario, scenario, scenario_names, write_scenario
from simulations.series import all_found

WEEK = "week-offline"
"""The whole scenario takes minutes, so the test plays some hours of it."""

OF_DISKS = ("cloned-till", "restored-from-last-month", "swapped-disks", "wiped-disk")

SHARE = 1 / 30


def with_less_time(plan: Plan) -> Plan:
    """The same plan in a thirtieth of the time, with as much trade as in a third of it."""
    faults = tuple(replace(fault, at_s=fault.at_s * SHARE, for_s=fault.for_s * SHARE) for fault in plan.faults)
    trade = replace(plan.trade, think_ms=plan.trade.think_ms / 10)
    return replace(plan, seconds=plan.seconds * SHARE, faults=faults, trade=trade, look_s=60.0)


def served_again(outcome: Outcome, name: str) -> int:
    """How often a machine began to serve again."""
    return sum(step.who == name and step.what.startswith("serves ") for step in outcome.steps) - 1


def had_lost_answers(outcome: Outcome) -> bool:
    return outcome.counts["no answer"] > 0 and outcome.counts["refused insufficient-rights"] > 0


def had_links_that_broke(outcome: Outcome) -> bool:
    return sum(len(spans) for spans in links(outcome).values()) > len(links(outcome))


def had_stores_that_moved(outcome: Outcome) -> bool:
    return {hub for (one, hub) in links(outcome) if one == "store-1"} == {"hub-east", "hub-west"}


def had_a_wrong_clock(outcome: Outcome) -> bool:
    return outcome.counts["clock-forward"] == outcome.counts["clock-back"] == 1


def had_forecasts_after_wrong_times(outcome: Outcome) -> bool:
    return outcome.counts["forecast checked"] > 0 and outcome.counts["impossible time"] > 0


def had_forecasts_and_requests(outcome: Outcome) -> bool:
    return outcome.counts["forecast checked"] > 0 and outcome.counts["granted by want"] > 0


def had_orders_handed_over(outcome: Outcome) -> bool:
    return outcome.counts["order hand_over"] > 0


def had_returns_at_two_places(outcome: Outcome) -> bool:
    return outcome.counts["returned at two places"] > 0 and outcome.counts["return elsewhere counted"] > 0


def had_goods_declined(outcome: Outcome) -> bool:
    return outcome.counts["declined and begun elsewhere"] > 0 and outcome.counts["order nowhere"] > 0


def had_events_at_two_hubs(outcome: Outcome) -> bool:
    return outcome.counts["reported at two hubs"] > 0


def had_sales_on_slow_disks(outcome: Outcome) -> bool:
    return outcome.counts["no answer"] > 0 and outcome.counts["slow-disk"] == 1


def had_a_deficit_that_another_hub_covered(outcome: Outcome) -> bool:
    return outcome.counts["granted by breach"] > 0 and served_again(outcome, "hub-west") > 0


def had_orders_placed_twice(outcome: Outcome) -> bool:
    return outcome.counts["order placed at two hubs"] > 0


def had_orders_of_two_regions(outcome: Outcome) -> bool:
    return min(outcome.counts["answered with another region"], outcome.counts["asked elsewhere"]) > 0


def had_figures_read(outcome: Outcome) -> bool:
    return min(outcome.counts["stock explained"], outcome.counts["availability read"]) > 0


def had_grants_by_policy(outcome: Outcome) -> bool:
    return outcome.counts["granted by policy"] > 0


def had_shortages(outcome: Outcome) -> bool:
    return outcome.counts["selected for a shortage"] > 0


def had_full_disks(outcome: Outcome) -> bool:
    return outcome.counts["refused storage-full"] > 0 and served_again(outcome, "store-3") == 1


def had_a_hub_that_came_back(outcome: Outcome) -> bool:
    return len(outcome.plan.stores) == 50 and served_again(outcome, "hub-north") == 1


def had_prices_everywhere(outcome: Outcome) -> bool:
    """Whether prices were written, refused, quoted, and kept by sales that were told again."""
    counts, needed = (
        outcome.counts,
        ("prices of sales held to the documents", "sale answered again", "promotion written"),
    )
    return all(counts.get(one, 0) > 10 for one in (*needed, "price written", "quoted", "refused invalid-request"))


def had_prices_over_http(outcome: Outcome) -> bool:
    """Whether quotes, documents and sales with prices were asked over HTTP, and answers fit the reference model."""
    counts, needed = outcome.counts, ("quotes held to the reference", "prices of sales held to the documents")
    return all(counts.get(one, 0) > 10 for one in (*needed, "documents read", "refused prices held to the documents"))


def had_parcels_of_all_kinds(outcome: Outcome) -> bool:
    """Whether parcels were taken in at two hubs, before they were announced, and past what is there."""
    counts, needed = outcome.counts, ("parcels compared with the book", "a key that two nodes used")
    return all(counts.get(one, 0) > 10 for one in (*needed, "no answer", "refused transfer-state"))


def had_orders_to_addresses(outcome: Outcome) -> bool:
    """Whether orders and dry runs were held to areas and calendars, goods were banned, and orders moved."""
    counts, needed = outcome.counts, ("deliveries held to the documents", "sources held to the documents")
    return all(counts.get(one, 0) > 10 for one in (*needed, "refused deliveries held to the documents")) and (
        min(counts["delivery moved"], counts["refused not-deliverable"]) > 0
    )


HAPPENS: dict[str, Callable[[Outcome], bool]] = {
    "black-friday": had_lost_answers,
    "richest-hub-away": had_a_deficit_that_another_hub_covered,
    "second-hand": had_orders_handed_over,
    "slow-disks-at-closing": had_sales_on_slow_disks,
    "stock-read": had_figures_read,
    "two-workers": had_events_at_two_hubs,
    "wan-flap": had_links_that_broke,
    "declined-orders": had_goods_declined,
    "goods-back-anywhere": had_returns_at_two_places,
    "one-request-at-a-time": had_forecasts_and_requests,
    "region-lost": had_stores_that_moved,
    "clock-in-2099": had_a_wrong_clock,
    "bundles-sold-out": had_shortages,
    "policy-at-closing": had_grants_by_policy,
    "daily-goods": had_forecasts_after_wrong_times,
    "disk-full-at-noon": had_full_disks,
    "orders-under-a-wrong-clock": had_orders_placed_twice,
    "prices-of-a-week": had_prices_everywhere,
    "prices-over-http": had_prices_over_http,
    "other-region-away": had_orders_of_two_regions,
    "addresses-over-http": had_orders_to_addresses,
    "backups-and-holidays": had_orders_to_addresses,
    "orders-to-addresses": had_orders_to_addresses,
    "parcels-between-stores": had_parcels_of_all_kinds,
    "fifty-stores": had_a_hub_that_came_back,
}


def test_every_scenario_has_a_test() -> None:
    assert sorted([*HAPPENS, *OF_DISKS, WEEK]) == scenario_names()


@pytest.mark.parametrize("name", HAPPENS)
def test_guarantees_hold_in_every_scenario(name: str) -> None:
    stored = scenario(name)
    assert not stored.is_record
    outcome = play_out(stored.plan, watches=True)
    assert outcome.found is None
    assert HAPPENS[name](outcome)


def test_a_store_sells_for_a_week_without_its_line() -> None:
    plan = with_less_time(scenario(WEEK).plan)
    outcome = play_out(plan, watches=True)
    assert outcome.found is None
    cut = plan.faults[0]
    offline = [level for level in outcome.levels if level.location == "store-2" and level.machine == "store-2"]
    assert len({level.on_hand for level in offline if cut.at_s < level.at_s < cut.at_s + cut.for_s}) > 20
    assert scenario(WEEK).plan.faults[0].for_s == 7 * 86_400


@pytest.mark.parametrize("name", OF_DISKS)
def test_violations_after_disk_faults_are_recorded(name: str) -> None:
    stored = scenario(name)
    assert stored.is_record
    assert any(fault.kind in OF_IDENTITY for fault in stored.plan.faults)
    found = [one.checker for one in all_found(stored, play_out(stored.plan))]
    assert stored.is_as_expected(found), found


def test_the_command_succeeds_when_a_record_still_holds() -> None:
    result = CliRunner().invoke(simulate, ["--scenario", "wiped-disk"])
    assert result.exit_code == 0, result.output
    assert "recorded DurabilityChecker" in result.output
    assert "all is as recorded" in result.output


def test_a_record_that_no_longer_holds_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "wiped.toml"
    write_scenario(path, replace(scenario("wiped-disk"), expects=("TruthChecker",)))
    result = CliRunner().invoke(simulate, ["--plan", str(path), "--no-shrink"])
    assert result.exit_code == 1
    assert "VIOLATION  wiped  DurabilityChecker" in result.output


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_is_equal_after_writing_and_reading(tmp_path: Path, seed: int) -> None:
    stored = Scenario(
        draw_plan(seed, pressure=seed % 2 == 0), 'of "quotes",\nlines and \\', ("FloorChecker", "nothing")
    )
    write_scenario(tmp_path / "plan.toml", stored)
    assert read_scenario(tmp_path / "plan.toml") == stored


def test_a_written_plan_has_one_line_per_fault_and_no_defaults() -> None:
    plan = Plan(
        seed=1, seconds=2.0, faults=(Fault(kind="kill", at_s=1.0, for_s=1.0, who=("store-1",)),), trade=Trade(clients=1)
    )
    text = as_toml(Scenario(plan))
    assert '    { kind = "kill", at_s = 1.0, for_s = 1.0, who = ["store-1"] },\n' in text
    assert "think_ms" not in text
