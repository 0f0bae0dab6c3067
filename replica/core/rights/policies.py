"""Policies: how much of a location's stock is sold online. They are documents that all nodes share.

A policy has a selector: `default`, `item:I`, `location:L` or `location:L,item:I`. Only the most specific policy that
applies counts, and as a whole: `location:L,item:I` before `location:L` before `item:I` before `default`. Without a
policy, nodes move rights only to cover a breach.

Shares are whole parts per million, rounded down, so that units computed from them are exact and never rounded up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgpack
import msgspec
from msgspec import Meta, Struct

from replica.core.base.errors import Invalid
from replica.core.base.limits import POLICY_PARTS_MAX, QUANTITY_MAX
from replica.core.base.names import NAME_PATTERN, is_item, is_name
from replica.core.catalog.registers import Register

POLICY = "policy"
"""The kind of the documents that say which node may promise how much."""

DEFAULT = "default"

WHOLE_PPM = 1_000_000
"""A share of 1, in parts per million."""

Units = Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
ShareHolder = Annotated[str, Meta(pattern=NAME_PATTERN)]
Fractions = Annotated[dict[ShareHolder, Fraction], Meta(max_length=POLICY_PARTS_MAX)]
Mode = Literal["keep", "safety", "share", "both"]


class Quantile(Struct, frozen=True, forbid_unknown_fields=True):
    """Enough units to cover the sales in this fraction of cases."""

    quantile: Annotated[float, Meta(gt=0.0, le=1.0)]


class Forecast(Struct, frozen=True, forbid_unknown_fields=True):
    """The units that tills will sell until rights can be moved back, forecast from their sales on past days."""

    forecast: Quantile


class PolicyDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The document under `policy/{selector}`.

    `keep`: nothing is sold online; `safety`: all except `safety_stock` units; `share`: this share of the available
    units; `both`: this share of the units above `safety_stock`. The last `last_units` of a location are never sold
    online. `regions` and `channels` split the online units; the rest stays with the home hub.
    """

    mode: Mode
    safety_stock: Units | Forecast = 0
    share: Fraction = 1.0
    last_units: Units = 0
    regions: Fractions = {}
    channels: Fractions = {}


class ReadPolicy(PolicyDocument, frozen=True, forbid_unknown_fields=False):
    """The same document as a peer may have written it: fields that a later version added are ignored."""


class Policy(Struct, frozen=True):
    """A policy in the form for calculations: units, and shares in parts per million."""

    mode: Mode
    safety_stock: int = 0
    """0 as long as `quantile_ppm` is not 0, because only the store knows the forecast."""
    share_ppm: int = WHOLE_PPM
    last_units: int = 0
    regions_ppm: dict[str, int] = {}
    channels_ppm: dict[str, int] = {}
    quantile_ppm: int = 0
    """If not 0, the store forecasts the safety stock from the sales of its own tills."""


def parts_per_million(share: float) -> int:
    """Convert a share of 0..1 to parts per million, rounded down. Exact for a share with up to six decimals."""
    ppm = round(share * WHOLE_PPM)
    return ppm if ppm / WHOLE_PPM <= share else ppm - 1


def is_selector(text: str) -> bool:
    """Whether this text has the form of a policy's selector."""
    kind, _, name = text.partition(":")
    match kind:
        case "item":
            return is_item(name)
        case "location":
            location, mark, item = name.partition(",item:")
            return is_name(location) and (not mark or is_item(item))
        case _:
            return text == DEFAULT


def location_of(selector: str) -> str:
    """The location that a selector names; empty if it names none."""
    kind, _, name = selector.partition(":")
    return name.partition(",item:")[0] if kind == "location" else ""


def item_of(selector: str) -> str:
    """The item that a selector names; empty if it names none."""
    return selector.partition("item:")[2]


def check_policy(value: PolicyDocument) -> PolicyDocument:
    """Check the rules that concern several fields, and return the policy. Raises Invalid with the field."""
    for field, parts in (("regions", value.regions), ("channels", value.channels)):
        if parts and value.mode == "keep":
            raise Invalid("mode keep puts no units online, so there is nothing to split", field=field)
        if sum(parts_per_million(share) for share in parts.values()) > WHOLE_PPM:
            raise Invalid(f"the shares of {field} add up to more than 1", field=field)
    return value


def policy_of(document: PolicyDocument) -> Policy:
    """Return the policy that a document describes."""
    safety = document.safety_stock
    quantile = safety.forecast.quantile if isinstance(safety, Forecast) else 0.0
    return Policy(
        mode=document.mode,
        safety_stock=0 if isinstance(safety, Forecast) else safety,
        share_ppm=parts_per_million(document.share),
        last_units=document.last_units,
        regions_ppm={name: parts_per_million(share) for name, share in sorted(document.regions.items())},
        channels_ppm={name: parts_per_million(share) for name, share in sorted(document.channels.items())},
        quantile_ppm=max(1, parts_per_million(quantile)) if quantile else 0,
    )


class Policies:
    """The current policies, by selector."""

    __slots__ = ("_forecast", "_policies", "_splits")

    def __init__(self) -> None:
        self._policies: dict[str, Policy] = {}
        self._splits: dict[str, None] = {}
        """Selectors whose policies split units among regions or channels."""
        self._forecast: dict[str, None] = {}
        """Selectors whose policies ask for a forecast."""

    def put(self, register: Register) -> bool:
        """Apply the newest write of a policy. False if this version cannot use it: then the selector has no policy."""
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

    def __len__(self) -> int:
        return len(self._policies)

    def with_writes(self, writes: Iterable[Register]) -> Policies:
        """A copy that also has some writes. Here nothing changes."""
        copy = Policies()
        copy._policies, copy._splits, copy._forecast = dict(self._policies), dict(self._splits), dict(self._forecast)
        for one in writes:
            copy.put(one)
        return copy

    @property
    def forecast(self) -> bool:
        """Whether any policy asks for a forecast."""
        return bool(self._forecast)

    @property
    def splits(self) -> bool:
        """Whether any policy splits units among regions or channels."""
        return bool(self._splits)

    def policy(self, location: str, item: str) -> Policy | None:
        """The most specific policy for an item at a location; None when there is none."""
        selector = self.selector(location, item)
        return self._policies[selector] if selector is not None else None

    def selector(self, location: str, item: str) -> str | None:
        """The selector of the most specific policy for an item at a location; None when there is none."""
        if not self._policies:
            return None
        for selector in (f"location:{location},item:{item}", f"location:{location}", f"item:{item}", DEFAULT):
            if selector in self._policies:
                return selector
        return None
