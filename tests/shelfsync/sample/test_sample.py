"""The sample catalogue: nodes accept all of it, its names are in two languages, and its barcodes are no real ones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from replica.core.catalog.barcodes import check_digit, has_right_check_digit
from replica.core.catalog.documents import pack_value
from replica.core.catalog.ranks import RANKS
from replica.core.catalog.scans import read_scan, scanned_sku, sku_of
from replica.core.state import decisions
from replica.core.state.commands import DocumentWrite
from replica.core.state.document_kinds import DOCUMENT_KINDS
from replica.core.state.replica import Replica
from replica.runtime.http.bodies import fitted
from shelfsync.importing.columns import KINDS as TABLES
from shelfsync.importing.rows import Row, Rows, Source
from shelfsync.sample.catalogue import KINDS, sample
from shelfsync.sample.chains import CHAINS, scale_codes
from shelfsync.sample.command import write_sample
from shelfsync.sample.documents import SampleDocument
from shelfsync.sample.skus import SKUS_MAX, SampleSku, skus
from shelfsync.sample.words import brands, made_brand, vocabulary

CHINESE = re.compile(r"[\u4e00-\u9fff]")
YEAR = 2026
LAST_MS = 2_000_000_000_000


@cache
def base() -> list[SampleSku]:
    """The SKUs of the first edition."""
    return list(skus())


def write(replica: Replica, kind: str, one: SampleDocument) -> None:
    """Write a document as a call does: its fields, its check, and what the node knows."""
    record = DOCUMENT_KINDS[kind]
    assert record.is_key(one.key)
    document = record.tidy(fitted(one.value, record.document))
    record.check(document)
    key = f"{kind}/{one.key}/{one.rank}/{one.at}".encode()
    asked = DocumentWrite(kind, one.key, pack_value(one.value), key, rank=RANKS[one.rank], at=one.at)
    decisions.write(replica, asked, 1)
    replica.take_batch()


@pytest.fixture(scope="module", params=CHAINS)
def hub(request: pytest.FixtureRequest) -> Replica:
    """A hub that accepted the whole sample of a chain, document by document."""
    replica = Replica("hub-east#0000000a", ())
    for kind in ("skus", "locations"):
        for one in sample(kind, request.param):
            write(replica, KINDS[kind], one)
    for kind in ("prices", "promotions"):
        for one in sample(kind, request.param):
            write(replica, KINDS[kind], one)
    write(replica, "scale_codes", SampleDocument("default", scale_codes()))
    return replica


def test_a_hub_accepts_all_documents_in_their_order(hub: Replica) -> None:
    assert len(hub.catalog.skus()) == len(base())
    assert hub.documents.malformed == 0


def test_no_two_promotions_compete(hub: Replica) -> None:
    assert list(hub.fold.promotion_conflicts.at(0)) == []


def test_overrides_keep_the_limits_now_and_later(hub: Replica) -> None:
    assert list(hub.fold.price_conflicts.at(0)) == []


def test_each_barcode_leads_to_its_sku(hub: Replica) -> None:
    found = [scanned_sku(hub.catalog, barcode, "barcode") for sku in base() for barcode in sku.value["barcodes"]]
    assert found == [sku.key for sku in base() for _ in sku.value["barcodes"]]


def test_a_code_of_a_scale_has_the_grams(hub: Replica) -> None:
    wings = next(sku for sku in base() if sku.key == "chicken-wings")
    digits = wings.value["barcodes"][0][:7] + "00750"
    scanned = read_scan(digits + check_digit(digits), YEAR, hub.catalog.scale_codes)
    assert scanned.weight is not None and (scanned.weight.amount, scanned.weight.unit) == (750, "KGM")
    assert sku_of(hub.catalog, scanned, digits, "barcode") == "chicken-wings"


def test_the_sample_has_a_few_thousand_skus_of_each_kind() -> None:
    kinds = Counter(sku.value["attributes"]["kind"] for sku in base())
    assert 2_500 < len(base()) < 3_500
    assert set(kinds) == {"standard", "pack", "weighed", "portion", "bundle"}
    assert min(kinds.values()) >= 20
    assert 10 < sum(sku.value.get("status") == "ended" for sku in base()) < 100


def test_each_sku_has_a_name_of_its_own_in_both_languages() -> None:
    for language in ("en", "zh"):
        assert [
            name for name, times in Counter(sku.value["names"][language] for sku in base()).items() if times > 1
        ] == []
    assert [sku.key for sku in base() if CHINESE.search(sku.value["names"]["en"])] == []
    assert [sku.key for sku in base() if not CHINESE.search(sku.value["names"]["zh"])] == []


def test_barcodes_are_of_ranges_without_real_products() -> None:
    forms: Counter[object] = Counter()
    for sku in base():
        for barcode in sku.value["barcodes"]:
            if len(barcode) <= 5:
                forms["plu"] += 1
                assert sku.value["unit"] == "GRM"
                continue
            assert has_right_check_digit(barcode)
            own = barcode[1:] if len(barcode) == 14 else barcode
            assert own.startswith("952") or (own.startswith("21") and sku.value["unit"] == "GRM")
            forms[len(barcode)] += 1
    assert set(forms) == {"plu", 13, 14}


def test_an_item_is_a_sku_that_comes_before_all_others_of_the_item() -> None:
    seen: set[str] = set()
    for sku in islice(skus(7_000), 7_000):
        if sku.value["recipe"] == {sku.key: 1}:
            seen.add(sku.key)
        assert set(sku.value["recipe"]) <= seen


def test_promotions_are_of_all_kinds() -> None:
    benefits = Counter(one.value["benefit"]["type"] for one in sample("promotions"))
    assert set(benefits) == {"percentage", "amount_off", "n_for_m", "bundle", "threshold"}
    assert sum(benefits.values()) == 20
    assert {one.rank for one in sample("promotions")} == {"chain", "region", "store"}


def test_a_small_catalogue_has_only_promotions_whose_skus_are_there() -> None:
    there = {sku.key for sku in skus(300)}
    for one in sample("promotions", number=300):
        benefit = one.value["benefit"]
        selectors = [one.value.get("applies_to", {}), *(part["applies_to"] for part in benefit.get("components", ()))]
        assert {sku for selector in selectors for sku in selector.get("skus", ())} <= there


def test_chains_have_twelve_stores_and_two_warehouses_in_two_regions() -> None:
    for chain in CHAINS:
        values = [one.value for one in sample("locations", chain)]
        assert Counter(value["type"] for value in values) == {"store": 12, "warehouse": 2}
        assert len({value["region"] for value in values}) == 2


def test_prices_are_of_the_currency_of_the_chain() -> None:
    for chain, currency in (("cn", "CNY"), ("eu", "EUR")):
        values = [one.value for one in sample("prices", chain)]
        assert {value["currency"] for value in values} == {currency}
        assert min(value["amount"] for value in values) > 0
        assert min(sum(name in value for value in values) for name in ("scheduled", "override", "per")) > 50


def test_a_larger_catalogue_begins_with_the_smaller_one() -> None:
    larger = list(skus(10_000))
    assert larger[: len(base())] == base()
    assert len({sku.key for sku in larger}) == len(larger)
    barcodes = [barcode for sku in larger for barcode in sku.value["barcodes"]]
    assert len(set(barcodes)) == len(barcodes)
    assert max(len(sku.key) for sku in larger) <= 60


def test_there_are_brands_for_the_largest_catalogue() -> None:
    syllables = vocabulary().syllables
    number = len(syllables.starts) * len(syllables.ends)
    made = [made_brand(one) for one in range(number)]
    known = list(brands().values())
    assert len({brand.en for brand in made + known}) == len({brand.zh for brand in made + known}) == number + len(known)
    editions = -(-SKUS_MAX // len(base()))
    assert (editions - 1) * len(known) < 1_600 < 1_600 + editions < number


def rows(tmp_path: Path, kind: str, form: str) -> Iterator[Any]:
    """What an import reads in the output of the command."""
    path = tmp_path / f"sample.{form}"
    shown = CliRunner().invoke(write_sample, ["--kind", kind, "--format", form])
    assert shown.exit_code == 0, shown.output
    path.write_text(shown.output)
    yield from Rows(TABLES[kind], Source(path=path, format=form))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "form"),
    [(kind, form) for kind in KINDS for form in ("ndjson", "csv") if form == "ndjson" or TABLES[kind].has_tables],
)
def test_an_import_reads_what_the_command_writes(tmp_path: Path, kind: str, form: str) -> None:
    read = [(row.key, row.value, row.rank, row.at) for row in rows(tmp_path, kind, form) if isinstance(row, Row)]
    assert read == [(one.key, one.value, one.rank, one.at) for one in sample(kind)]


def test_promotions_have_no_table() -> None:
    shown = CliRunner().invoke(write_sample, ["--kind", "promotions", "--format", "csv"])
    assert (shown.exit_code, "have no columns" in shown.output) == (2, True)


def test_the_same_arguments_write_the_same_bytes() -> None:
    command = [sys.executable, "-m", "shelfsync", "sample", "--kind", "prices", "--skus", "50"]
    written = [
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    ]
    assert written[0] == written[1] and written[0].count(b"\n") >= 50
