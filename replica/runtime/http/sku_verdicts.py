"""Answers about many SKUs: what a call answers for each of them, or a problem.

A call has a subclass of `SkuVerdict` with a field for its own answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from msgspec import Meta, Struct

from replica.core.base.errors import Refused
from replica.core.state.replica import Replica
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.problems import problem

SKUS_PER_CALL_MAX = 1_000


class SkuVerdict(Struct, frozen=True, omit_defaults=True):
    """What is said of one SKU. `problem`: why the call has no answer for it."""

    sku: str
    problem: dict[str, Any] | None = None


V = TypeVar("V", bound=SkuVerdict)


class SkuVerdicts(Struct, Generic[V], frozen=True):
    """One verdict per SKU, in the order of the request."""

    verdicts: Annotated[list[V], Meta(max_length=SKUS_PER_CALL_MAX)]


Judge = Callable[[str], V]
"""Says its verdict about a SKU. Raises Refused."""


async def judge_all(
    long_reads: LongReads, skus: Sequence[str], kind: type[V], judging: Callable[[Replica], Judge[V]]
) -> SkuVerdicts[V]:
    """Say a verdict about each SKU. `judging`: how to judge SKUs from a replica in one turn of the event loop."""

    def verdicts(replica: Replica, some: Sequence[str]) -> list[V]:
        judge = judging(replica)
        return [_verdict(kind, judge, sku) for sku in some]

    return SkuVerdicts(await long_reads.look(skus, verdicts))


def _verdict(kind: type[V], judge: Judge[V], sku: str) -> V:
    try:
        return judge(sku)
    except Refused as refused:
        return kind(sku, problem=problem(refused))
