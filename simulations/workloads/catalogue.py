"""Workloads: clients that do one kind of everyday thing, each in a part of the seeds.

A plan names its workloads (`Trade.workloads`), and each of them adds one client to every machine. Seeds without a
workload play as if it did not exist, so a new workload leaves most recorded seeds as they were.

To add a workload: write a subclass of `Client` in a module of its own. Its `_acts` return only its own actions. Add
the class here.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulations.clients import Client
from simulations.workloads.batches import BatchesClient
from simulations.workloads.bundles import BundlesClient
from simulations.workloads.declined_orders import DeclinedOrdersClient
from simulations.workloads.deliveries import DeliveriesClient
from simulations.workloads.feed_readers import FeedReader
from simulations.workloads.floods import FloodClient
from simulations.workloads.forecasts import ForecastsClient
from simulations.workloads.late_returns import LateReturnsClient
from simulations.workloads.local_hours import LocalHoursClient
from simulations.workloads.moved_orders import MovedOrdersClient
from simulations.workloads.order_messages import OrderMessagesClient
from simulations.workloads.order_parts import OrderPartsClient
from simulations.workloads.order_returns import OrderReturnsClient
from simulations.workloads.points import PointsClient
from simulations.workloads.regions import RegionsClient
from simulations.workloads.returns import ReturnsClient
from simulations.workloads.second_hand import SecondHandClient
from simulations.workloads.shelf_prices import ShelfPricesClient
from simulations.workloads.stock_readers import StockReader
from simulations.workloads.till_clocks import TillClient
from simulations.workloads.transfers import TransfersClient

WORKLOADS: Mapping[str, type[Client]] = {
    "batches": BatchesClient,
    "bundles": BundlesClient,
    "declined-orders": DeclinedOrdersClient,
    "deliveries": DeliveriesClient,
    "feed-readers": FeedReader,
    "floods": FloodClient,
    "forecasts": ForecastsClient,
    "goods-between-stores": TransfersClient,
    "late-returns": LateReturnsClient,
    "local-hours": LocalHoursClient,
    "moved-orders": MovedOrdersClient,
    "order-messages": OrderMessagesClient,
    "order-parts": OrderPartsClient,
    "order-returns": OrderReturnsClient,
    "points": PointsClient,
    "regions": RegionsClient,
    "returns": ReturnsClient,
    "second-hand": SecondHandClient,
    "shelf-prices": ShelfPricesClient,
    "stock-readers": StockReader,
    "till-clocks": TillClient,
}
"""By name, as plans name them."""
