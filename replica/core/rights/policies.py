"""Policies: how much of a location's stock is sold online, as documents that the whole chain shares.

A policy stands under a selector: `default`, `item:I`, `location:L` or `location:L,item:I`. The most specific one that
applies counts, whole: `location:L,item:I` before `location:L` before `item:I` before `default`. Where none applies
nobody moves rights, but to cover what was sold past them.

Shares are parts per million, cut off below, so that what is worked out from them is exact and never rounded up.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgpack
import msgspec
from msgspec import Meta, Struct

from replica.core.base.errors import Invalid
from replica.core.base.limits import POLICY_PARTS_MAX, QUANTITY_MAX
from replica.core.base.names import NAME_PATTERN, is_item, is_name
from replica.core.catalog.documents import Register

POLICY = "policy"
"""The kind of the documents that say who may promise what."""

DEFAULT = "default"

WHOLE_PPM = 1_000_000
"""A share of 1, in parts per million."""

Units = Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
ShareHolder = Annotated[str, Meta(pattern=NAME_PATTERN)]
Fractions = Annotated[dict[ShareHolder, Fraction], Meta(max_length=POLICY_PARTS_MAX)]
Mode = Literal["keep", "safety", "share", "both"]


class Quantile(Struct, frozen=True, forbid_unknown_fields=True):
    """Enough for what will be sold, in this share of cases."""

    quantile: Annotated[float, Meta(gt=0.0, le=1.0)]


class Forecast(Struct, frozen=True, forbid_unknown_fields=True):
    """As many units as tills will sell until rights can be moved back: what they sold on days before says how many."""

    forecast: Quantile


class PolicyDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is written under `policy/{selector}`.

    `keep`: nothing is sold online; `safety`: all but `safety_stock` units are; `share`: this share of what is
    available; `both`: this share of what is above `safety_stock`. Never the last `last_units` of a location.
    `regions` and `channels` say which part of what is online is whose; what they leave stays with the home hub.
    """

    mode: Mode
    safety_stock: Units | Forecast = 0
    share: Fraction = 1.0
    last_units: Units = 0
    regions: Fractions = {}
    channels: Fractions = {}


class ReadPolicy(PolicyDocument, frozen=True, forbid_unknown_fields=False):
    """The same as a peer may have written it: fields that a later version added are none of our business."""


class Policy(Struct, frozen=True):
    """A policy as it is reckoned with: units, and shares in parts per million."""

    mode: Mode
    safety_stock: int = 0
    """Where `quantile_ppm` is not 0, as far as is known: nothing."""
    share_ppm: int = WHOLE_PPM
    last_units: int = 0
    regions_ppm: dict[str, int] = {}
    channels_ppm: dict[str, int] = {}
    quantile_ppm: int = 0
    """Not 0: the safety stock is to be foretold, by the store whose tills it is for."""


def parts_per_million(share: float) -> int:
    """A share in 0..1 in parts per million, the rest cut off. Exact for up to six decimals, as they were written."""
    ppm = round(share * WHOLE_PPM)
    return ppm if ppm / WHOLE_PPM <= share else ppm - 1


def is_selector(text: str) -> bool:
    """Tell whether this could be a policy's selector."""
    kind, _, name = text.partition(":")
    match kind:
        case "item":
            return is_item(name)
        case "location":
            location, mark, item = name.partition(",item:")
            return is_name(location) and (not mark or is_item(item))
        case _:
            return text == DEFAULT


def check_policy(value: PolicyDocument) -> PolicyDocument:
    """Return the policy, or raise Invalid naming the field: what only all fields together can tell."""
    for field, parts in (("regions", value.regions), ("channels", value.channels)):
        if parts and value.mode == "keep":
            raise Invalid("with mode keep there is nothing online to be split", field=field)
        if sum(parts_per_million(share) for share in parts.values()) > WHOLE_PPM:
            raise Invalid(f"the {field} add up to more than 1", field=field)
    return value


def policy_of(document: PolicyDocument) -> Policy:
    """Return the policy a document asks for."""
    safety = document.safety_stock
    quantile = safety.forecast.quantile if isinstance(safety, Forecast) else 0.0
    return Policy(
        document.mode,
        0 if isinstance(safety, Forecast) else safety,
        parts_per_million(document.share),
        document.last_units,
        {name: parts_per_million(share) for name, share in sorted(document.regions.items())},
        {name: parts_per_million(share) for name, share in sorted(document.channels.items())},
        max(1, parts_per_million(quantile)) if quantile else 0,
    )


class Policies:
    """The policies that stand, by selector."""

    __slots__ = ("_forecast", "_policies", "_splits", "revision")

    def __init__(self) -> None:
        self._policies: dict[str, Policy] = {}
        self._splits: dict[str, None] = {}
        """Selectors whose policies name regions or channels."""
        self._forecast: dict[str, None] = {}
        """Selectors whose policies ask for a forecast."""
        self.revision = 0
        """Grows with every change, so that whoever acts by policies knows when to look again."""

    def put(self, register: Register) -> bool:
        """Take in a policy's standing write; False where it makes no sense here: then it counts as not there."""
        self.revision += 1
        self._policies.pop(register.key, None)
        self._splits.pop(register.key, None)
        self._forecast.pop(register.key, None)
        if register.value is None:
            return True
        try:
            document = msgspec.convert(msgpack.unpackb(register.value, strict_map_key=False), ReadPolicy)
            policy = policy_of(check_policy(document))
        except (msgspec.ValidationError, Invalid, ValueError, TypeError):
            return False
        if not is_selector(register.key):
            return False
        self._policies[register.key] = policy
        if policy.regions_ppm or policy.channels_ppm:
            self._splits[register.key] = None
        if policy.quantile_ppm:
            self._forecast[register.key] = None
        return True

    @property
    def forecast(self) -> bool:
        """Whether any policy asks for a forecast."""
        return bool(self._forecast)

    @property
    def splits(self) -> bool:
        """Whether any policy says which part is which region's or which channel's."""
        return bool(self._splits)

    def policy(self, location: str, item: str) -> Policy | None:
        """The most specific policy for an item at a location; None when there is none."""
        if not self._policies:
            return None
        for selector in (f"location:{location},item:{item}", f"location:{location}", f"item:{item}", DEFAULT):
            policy = self._policies.get(selector)
            if policy is not None:
                return policy
        return None
