"""Metrics for Prometheus: computed from plain counters at each scrape, so that requests do not get slower."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from replica.core.base.clock import stamp_ms
from replica.core.state.known_nodes import known_nodes
from replica.runtime.node import Node

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class NodeCollector(Collector):
    """All metrics of a node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        driver, replica, peers = self._node.driver, self._node.replica, self._node.peers
        counters = driver.counters
        for name, text, value in (
            ("commits", "Commits of the journal.", counters.commits),
            ("commit_seconds", "Seconds spent in commits.", counters.commit_seconds),
            ("entries_written", "Entries made durable: written by this node, or merged.", counters.entries_written),
            ("entries_merged", "Entries of other writers that this node merged.", counters.entries_merged),
            ("requests_refused", "Requests refused by a rule of the domain.", counters.refused),
            ("requests_repeated", "Retries of requests: answered, but not executed again.", replica.repeated),
            ("requests_overloaded", "Requests refused because the inbox was full.", counters.overloaded),
            ("storage_full", "Commits that failed because the disk was full.", counters.storage_full),
            ("clock_refused", "Stamps of peers rejected because they were too far ahead.", replica.clock.refused),
            (
                "documents_malformed",
                "Entries with a document that this version cannot read.",
                replica.documents.malformed,
            ),
        ):
            yield CounterMetricFamily(f"shelfsync_{name}", text, value=value)
        ended = CounterMetricFamily(
            "shelfsync_sessions_ended", "Sync sessions that ended, by reason.", labels=["reason"]
        )
        for reason, times in sorted(peers.ended.items()):
            ended.add_metric([reason], times)
        yield ended
        yield GaugeMetricFamily(
            "shelfsync_ready", "1 while the node serves requests, else 0.", value=int(self._node.is_ready)
        )
        yield GaugeMetricFamily("shelfsync_journal_entries", "Entries in the journal.", value=replica.arrival)
        yield GaugeMetricFamily(
            "shelfsync_digest_differences",
            "Digests that differed between nodes with equal version vectors.",
            value=len(peers.divergences),
        )
        yield GaugeMetricFamily(
            "shelfsync_orders_stuck",
            "Orders with a due step that no entry can record.",
            value=len(replica.orders.stuck),
        )
        yield from self._transfers()
        kept = GaugeMetricFamily(
            "shelfsync_delivery_promises",
            "Fulfilments with a delivery promise, by carrier and by how it stands.",
            labels=["carrier", "outcome"],
        )
        for (carrier, outcome), number in sorted(replica.orders.promises.by_carrier().items()):
            kept.add_metric([carrier, outcome], number)
        yield kept
        breaches = GaugeMetricFamily(
            "shelfsync_breached_items", "Items with an account below zero.", labels=["location"]
        )
        for location, stock in sorted(replica.ledger.at_location.items()):
            breaches.add_metric([location], len(stock.breaches()))
        yield breaches
        connected = GaugeMetricFamily(
            "shelfsync_peer_connected", "1 while a session with the peer is live, else 0.", labels=["peer"]
        )
        behind = GaugeMetricFamily(
            "shelfsync_peer_behind_entries", "Entries that the peer has and this node lacks.", labels=["peer"]
        )
        unacknowledged = GaugeMetricFamily(
            "shelfsync_peer_unacknowledged_entries",
            "Entries of this node that the peer has not acknowledged.",
            labels=["peer"],
        )
        for name, peer in sorted(peers.known.items()):
            connected.add_metric([name], int(peer.is_connected))
            if peer.is_connected:  # without a session nobody knows what the peer has
                behind.add_metric([name], peer.entries_behind())
            unacknowledged.add_metric([name], peer.unacknowledged(replica))
        yield from (connected, behind, unacknowledged)
        heard = GaugeMetricFamily(
            "shelfsync_node_heard_timestamp_seconds",
            "Time of the newest entry of another node, also if the node did not connect since the start.",
            labels=["node"],
        )
        stranded = GaugeMetricFamily(
            "shelfsync_stranded_units",
            "Units that only a node without a connection to this node may promise.",
            labels=["node", "location"],
        )
        for name, named in known_nodes(replica).items():
            if named.heard is not None:
                heard.add_metric([name], stamp_ms(named.heard) / 1000)
            if name not in peers.known or not peers.known[name].is_connected:
                for location, units in named.rights.items():
                    stranded.add_metric([name, location], units)
        yield from (heard, stranded)

    def _transfers(self) -> Iterator[Metric]:
        """What is on its way between locations."""
        transfers, now_ms = self._node.replica.transfers, self._node.clock.now().wall_ms
        for name, text, value in (
            ("in_transit", "Transfers with goods on their way.", transfers.underway),
            ("late", "Transfers whose goods should have arrived by now.", transfers.number_late(now_ms)),
            ("discrepant", "Transfers whose goods do not come out even.", len(transfers.with_discrepancies)),
        ):
            yield GaugeMetricFamily(f"shelfsync_transfers_{name}", text, value=value)
        yield CounterMetricFamily(
            "shelfsync_transfers_malformed",
            "Entries about transfers that this version cannot read.",
            value=transfers.malformed,
        )


def make_registry(node: Node) -> CollectorRegistry:
    """Make the registry of one node. It is not global, so that two nodes of one process stay separate."""
    registry = CollectorRegistry()
    registry.register(NodeCollector(node))
    ProcessCollector(registry=registry)
    return registry


def render(registry: CollectorRegistry) -> bytes:
    """The metrics as text for Prometheus."""
    return generate_latest(registry)
