"""Every mutation, by area."""

from __future__ import annotations

from simulations.mutations.answers import ANSWERS, EVENT_ANSWERS
from simulations.mutations.checkpoints import CHECKPOINTS
from simulations.mutations.clocks import CLOCKS
from simulations.mutations.commits import COMMITS
from simulations.mutations.deliveries import DELIVERIES
from simulations.mutations.forms import FORMS
from simulations.mutations.keys import KEYS
from simulations.mutations.links import LINKS
from simulations.mutations.lists import LISTS
from simulations.mutations.merges import MERGES
from simulations.mutations.order_messages import ORDER_MESSAGES
from simulations.mutations.orders import ORDER_SLIPS
from simulations.mutations.price_calls import PRICE_CALLS
from simulations.mutations.prices import PRICES
from simulations.mutations.promotions import PROMOTIONS
from simulations.mutations.readers import READERS
from simulations.mutations.rights import RIGHTS
from simulations.mutations.stock import STOCK
from simulations.mutations.sync import SYNC
from simulations.mutations.transfers import TRANSFERS
from simulations.mutations.undone import UNDONE

AREAS = (
    STOCK,
    ANSWERS,
    EVENT_ANSWERS,
    RIGHTS,
    ORDER_SLIPS,
    KEYS,
    MERGES,
    COMMITS,
    CHECKPOINTS,
    SYNC,
    LINKS,
    CLOCKS,
    READERS,
    UNDONE,
    ORDER_MESSAGES,
    LISTS,
    FORMS,
    PRICES,
    PROMOTIONS,
    PRICE_CALLS,
    TRANSFERS,
    DELIVERIES,
)

MUTATIONS = {one.name: one for area in AREAS for one in area}
"""By name, in the order of the table."""
