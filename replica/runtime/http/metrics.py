"""Metrics for Prometheus: read off plain counters at each scrape, so that no request pays for them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from replica.runtime.node import Node

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class NodeCollector(Collector):
    """Everything a node counts."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        driver, replica, peers = self._node.driver, self._node.replica, self._node.peers
        counters = driver.counters
        for name, text, value in (
            ("commits", "Commits made", counters.commits),
            ("commit_seconds", "Time spent in commits", counters.commit_seconds),
            ("entries_written", "Entries made durable, own and merged", counters.entries_written),
            ("entries_merged", "Entries of other writers merged", counters.entries_merged),
            ("requests_refused", "Requests refused by the core", counters.refused),
            ("requests_repeated", "Requests whose key was known: answered, not done again", replica.repeated),
            ("requests_overloaded", "Requests not taken in, the inbox being full", counters.overloaded),
            ("storage_full", "Commits that found no room", counters.storage_full),
            ("clock_refused", "Stamps too far ahead to be believed", replica.clock.refused),
            ("documents_malformed", "Document entries that could not be read", replica.documents.malformed),
        ):
            yield CounterMetricFamily(f"shelfsync_{name}", text, value=value)
        ended = CounterMetricFamily("shelfsync_sessions_ended", "Sync sessions ended", labels=["reason"])
        for reason, times in sorted(peers.ended.items()):
            ended.add_metric([reason], times)
        yield ended
        yield GaugeMetricFamily("shelfsync_ready", "1 once requests are served", value=int(self._node.is_ready))
        yield GaugeMetricFamily("shelfsync_journal_entries", "Entries held", value=replica.arrival)
        yield GaugeMetricFamily(
            "shelfsync_digest_differences", "Digests that differed at equal vectors", value=len(peers.divergences)
        )
        yield GaugeMetricFamily(
            "shelfsync_orders_stuck",
            "Orders of which something is due that no entry can say",
            value=len(replica.orders.stuck),
        )
        breaches = GaugeMetricFamily("shelfsync_breached_items", "Items with units below zero", labels=["location"])
        for location, place in sorted(replica.ledger.places.items()):
            breaches.add_metric([location], len(place.breaches()))
        yield breaches
        connected = GaugeMetricFamily("shelfsync_peer_connected", "1 while a session is live", labels=["peer"])
        behind = GaugeMetricFamily("shelfsync_peer_behind_entries", "Entries the peer has and we lack", labels=["peer"])
        unacknowledged = GaugeMetricFamily(
            "shelfsync_peer_unacknowledged_entries", "Entries the peer has not acknowledged", labels=["peer"]
        )
        for name, peer in sorted(peers.known.items()):
            connected.add_metric([name], int(peer.is_connected))
            behind.add_metric([name], peer.entries_behind())
            unacknowledged.add_metric([name], peer.unacknowledged(replica))
        yield from (connected, behind, unacknowledged)


def make_registry(node: Node) -> CollectorRegistry:
    """A registry of a node's own; nothing global, so two nodes in one process do not meet."""
    registry = CollectorRegistry()
    registry.register(NodeCollector(node))
    ProcessCollector(registry=registry)
    return registry


def render(registry: CollectorRegistry) -> bytes:
    """The exposition text."""
    return generate_latest(registry)
