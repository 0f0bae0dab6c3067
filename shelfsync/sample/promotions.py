"""Promotions of the sample: of all kinds, and none competes with another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, convert

from replica.core.catalog.ranks import CHAIN_NAME
from shelfsync.sample.chains import SampleChain
from shelfsync.sample.documents import SampleDocument
from shelfsync.sample.words import Names, read_data

_AMOUNTS = ("amount", "minimum")


class PromotionWords(Struct, frozen=True):
    """A promotion as the file has it: amounts in fen, SKUs as references."""

    names: Names
    benefit: dict[str, Any]
    priority: int
    all: bool = False
    goods: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}
    components: tuple[tuple[tuple[str, ...], int], ...] = ()
    customer_groups: tuple[str, ...] = ()
    windows: tuple[dict[str, Any], ...] = ()
    valid_from: str = ""
    valid_to: str = ""
    combinable: bool = False
    max_uses: int | None = None
    rank: str = CHAIN_NAME
    at: str = ""


def promotions(keys: Mapping[str, str], chain: SampleChain) -> Iterator[SampleDocument]:
    """The promotions whose SKUs are there. `keys`: the names of the SKUs by their references."""
    for key, words in convert(read_data("promotions"), dict[str, PromotionWords]).items():
        named = [*words.goods, *(reference for references, _ in words.components for reference in references)]
        if all(reference in keys for reference in named):
            yield SampleDocument(key, _value(words, keys, chain), words.rank, words.at)


def _value(words: PromotionWords, keys: Mapping[str, str], chain: SampleChain) -> dict[str, Any]:
    benefit = dict(words.benefit)
    for name in _AMOUNTS:
        if name in benefit:
            benefit[name] = chain.whole_amount(benefit[name])
            benefit["currency"] = chain.currency
    value: dict[str, Any] = {"benefit": benefit, "names": {"en": words.names.en, "zh": words.names.zh}}
    if words.components:
        benefit["components"] = [
            {"quantity": quantity, "applies_to": {"skus": [keys[one] for one in references]}}
            for references, quantity in words.components
        ]
    elif words.goods:
        value["applies_to"] = {"skus": [keys[one] for one in words.goods]}
    else:
        value["applies_to"] = {"all": True} if words.all else {"attributes": words.attributes}
    moments = {"valid_from": words.valid_from, "valid_to": words.valid_to}
    value.update({name: moment + chain.offset for name, moment in moments.items() if moment})
    others = {"customer_groups": list(words.customer_groups), "windows": list(words.windows)}
    value.update({name: some for name, some in others.items() if some})
    if words.combinable:
        value["combinable"] = True
    if words.max_uses is not None:
        value["max_uses"] = words.max_uses
    value["priority"] = words.priority
    return value
