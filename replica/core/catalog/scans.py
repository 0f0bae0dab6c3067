"""What a scanner sends, read: one entry for GTINs, element strings, links, codes of scales, PLUs and codes of the shop.

The reader tries, in this order: the symbology identifier, a Digital Link, an element string, a code of a scale, a GTIN,
a PLU. What is none of these is a plain code, compared as it is written. A symbology identifier decides what a text may
be. Without one, 8 digits can be right as UPC-E and as GTIN-8: more than half of all UPC-E codes are. Then `codes` has
both meanings, `gtin` is empty, and `sku_of` refuses the scan only if two SKUs have one meaning each.

Nothing that a scanner sends raises an error other than Invalid. The text is ASCII of bounded length.

Source: ISO/IEC 15424 and GS1 General Specifications, section 5.1 (symbology identifiers), IFPS (PLUs).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Literal

from msgspec import Struct

from replica.core.base.errors import BarcodeConflict, Invalid, UnknownSku
from replica.core.base.limits import SCAN_LENGTH_MAX
from replica.core.catalog.barcodes import (
    GTIN_LENGTHS,
    canonical,
    check_digit,
    expanded_upc_e,
    has_right_check_digit,
)
from replica.core.catalog.digital_links import read_link
from replica.core.catalog.gs1_elements import SEPARATOR, Element, is_written, read_elements
from replica.core.catalog.gs1_identifiers import date_of
from replica.core.catalog.measures import Measure, PrintedPrice
from replica.core.catalog.scale_codes import NO_SCALE_CODES, ScaleCodes
from replica.core.catalog.skus import Catalog, listed

ScanForm = Literal["gtin", "upc_e", "element_string", "digital_link", "scale_code", "plu", "plain"]

_BLANKS = " \t\r\n"
"""Removed at both ends: many scanners send a carriage return after the code. GS is no blank."""

_GS1_SYMBOLOGIES = ("C1", "e0", "e1", "e2", "d2", "Q3", "J1")
"""GS1-128, GS1 DataBar, GS1 DataMatrix, GS1 QR Code, GS1 DotCode: always element strings."""

_EAN_13 = "E0"
"""EAN-13, UPC-A and UPC-E. Some scanners send a UPC-E with its 8 digits."""

_EAN_DIGITS = 13

_EAN_LENGTHS: dict[str, tuple[int, ...]] = {_EAN_13: (13, 12, 8), "E1": (), "E2": (), "E3": (15, 18), "E4": (8,)}
"""Digits after each symbology identifier of the family: one code, add-ons alone, EAN-13 with an add-on, EAN-8."""

_SYMBOLOGY = re.compile(r"\][A-Za-z][0-9A-Za-z]")

_UNPRINTABLE = re.compile(r"[^\x1d\x20-\x7e]")

_KEYS = ("00", "01", "02")
"""Identifiers with which an element string begins if neither a symbology nor a separator says that it is one."""

_KEYED_LENGTH_MIN = 16

_GTINS = ("01", "03", "02", "8006", "8026")
"""Identifiers whose value begins with a GTIN: of the goods, or of what is in a package."""

_GTIN_DIGITS = 14

_PLU = re.compile(r"[0-9]{4,5}")

_WITH_CURRENCY, _CURRENCY_DIGITS = "393", 3

_ORGANIC = re.compile(r"9[34][0-9]{3}")


_ANY_YEAR = 2000
"""Dates do not matter for which SKU a barcode is of."""


class Scanned(Struct, frozen=True, omit_defaults=True):
    """What one scan says. `codes` lead to the SKU; the other fields are about the goods in hand."""

    form: ScanForm
    codes: tuple[str, ...] = ()
    """Canonical codes under which the SKU is looked up. Several if the scan has several meanings; none for pallets."""
    symbology: str = ""
    """The symbology identifier without its bracket, such as `C1`."""
    gtin: str = ""
    """14 digits."""
    elements: tuple[Element, ...] = ()
    """All elements of an element string or a link, in their order."""
    sscc: str = ""
    lot: str = ""
    serial: str = ""
    expiry: date | None = None
    best_before: date | None = None
    sell_by: date | None = None
    packed: date | None = None
    produced: date | None = None
    count: int | None = None
    """Pieces: in the package, or trade items on the pallet."""
    weight: Measure | None = None
    length: Measure | None = None
    area: Measure | None = None
    volume: Measure | None = None
    price: PrintedPrice | None = None
    """To be paid for the goods in hand."""
    unit_price: PrintedPrice | None = None
    item: str = ""
    """The item number in a code of a scale."""
    template: str = ""
    """The template by which a code of a scale was read."""
    is_organic: bool = False
    """Whether a PLU is that of organic produce."""
    add_on: str = ""
    """The 2 or 5 digits beside the code of a periodical: its issue, or its price."""
    note: str = ""
    """What is odd about a plain code."""


def read_scan(text: str, year: int, scale_codes: ScaleCodes = NO_SCALE_CODES, field: str = "barcode") -> Scanned:
    """Read what a scanner sent.

    Args:
        text: with or without a symbology identifier. FNC1 is the control character GS.
        year: the current one, four digits. It decides the century of dates.
        scale_codes: the templates in use.
        field: the field to name in an error.
    Raises:
        Invalid: the text is not ASCII, too long or empty, or is broken in a form that is recognised. If possible, it
            names the position, counted from 1 without leading blanks, and the application identifier.
    """
    code = text.strip(_BLANKS)
    if code.isascii() and code.isdigit() and len(code) <= SCAN_LENGTH_MAX:
        return _read_digits(code, year, scale_codes, field)
    _check_text(code, field)
    if not code.startswith("]"):
        return _read_text(code, year, scale_codes, field, 1, is_gs1_possible=True)
    if _SYMBOLOGY.match(code) is None or len(code) == 3:
        said = f"The field {field} begins with ], but no symbology identifier and a code follow."
        raise Invalid(said, field=field, position=1)
    symbology, rest = code[1:3], code[3:]
    if symbology in _GS1_SYMBOLOGIES:
        return _of_elements("element_string", read_elements(rest, field, 4), year, symbology)
    if symbology in _EAN_LENGTHS:
        return _read_ean(symbology, rest, scale_codes, field)
    if rest.isdigit():
        return _read_digits(rest, year, scale_codes, field, symbology)
    return _read_text(rest, year, scale_codes, field, 4, is_gs1_possible=False, symbology=symbology)


def _check_text(code: str, field: str) -> None:
    if not code:
        raise Invalid(f"The field {field} has only blanks. Scan the barcode again.", field=field)
    if len(code) > SCAN_LENGTH_MAX:
        text = f"The field {field} has {len(code)} characters. A barcode has at most {SCAN_LENGTH_MAX}."
        raise Invalid(text, field=field)
    wrong = _UNPRINTABLE.search(code)
    if wrong is not None:
        text = (
            f"The field {field} has {wrong[0]!r} at position {wrong.start() + 1}. A barcode has only ASCII characters"
        )
        raise Invalid(f"{text} and the separator GS.", field=field, position=wrong.start() + 1)


def _read_text(
    code: str,
    year: int,
    scale_codes: ScaleCodes,
    field: str,
    position: int,
    *,
    is_gs1_possible: bool,
    symbology: str = "",
) -> Scanned:
    """Read a text that is not only digits. The form of its beginning decides what it is."""
    link = read_link(code, field, position)
    if link is not None:
        return _of_elements("digital_link", link, year, symbology)
    if SEPARATOR in code or is_written(code):
        return _of_elements("element_string", read_elements(code, field, position), year, symbology)
    elements = _keyed_elements(code, field) if is_gs1_possible else None
    if elements is not None:
        return _of_elements("element_string", elements, year, symbology)
    return Scanned("plain", (code,), symbology)


def _keyed_elements(code: str, field: str) -> tuple[Element, ...] | None:
    """The elements of a text that may be an element string or a code of the shop. None if it does not fit as one."""
    if len(code) < _KEYED_LENGTH_MIN or not code.startswith(_KEYS):
        return None
    try:
        return read_elements(code, field)
    except Invalid:
        return None


def _read_digits(code: str, year: int, scale_codes: ScaleCodes, field: str, symbology: str = "") -> Scanned:
    reading = _read_scale_code(code, scale_codes, field, symbology)
    if reading is not None:
        return reading
    if len(code) in GTIN_LENGTHS:
        return _read_gtin(code, symbology)
    elements = _keyed_elements(code, field) if not symbology else None
    if elements is not None:
        return _of_elements("element_string", elements, year, symbology)
    if _PLU.fullmatch(code):
        plain = code.lstrip("0")
        codes = (code, plain) if plain != code and len(plain) == 4 else (code,)
        return Scanned("plu", codes, symbology, is_organic=_ORGANIC.fullmatch(code) is not None)
    return Scanned("plain", (code,), symbology)


def _read_scale_code(code: str, scale_codes: ScaleCodes, field: str, symbology: str) -> Scanned | None:
    reading = scale_codes.read(code, field)
    if reading is None:
        return None
    return Scanned(
        "scale_code",
        reading.codes,
        symbology,
        item=reading.item,
        template=reading.template,
        price=reading.price,
        weight=reading.weight,
        count=reading.pieces,
    )


def _read_gtin(code: str, symbology: str) -> Scanned:
    """Read as many digits as a GTIN has. 8 digits may be a UPC-E instead, or as well."""
    gtin = canonical(code) if has_right_check_digit(code) else ""
    expanded = expanded_upc_e(code)
    if expanded is not None:
        upc = canonical(expanded)
        if gtin not in ("", upc):
            return Scanned("upc_e", (upc, gtin), symbology)
        return Scanned("upc_e", (upc,), symbology, upc)
    if gtin:
        return Scanned("gtin", (gtin,), symbology, gtin)
    note = f"As a GTIN it would have the check digit {check_digit(code[:-1])}."
    return Scanned("plain", (code,), symbology, note=note)


def _read_ean(symbology: str, text: str, scale_codes: ScaleCodes, field: str) -> Scanned:
    """Read a code of the EAN/UPC family, whose symbology decides which it is."""
    lengths = _EAN_LENGTHS[symbology]
    if not text.isdigit() or len(text) not in lengths:
        expected = f"{' or '.join(map(str, lengths))} digits" if lengths else "nothing: it is that of an add-on alone"
        said = f"The field {field} has {text!r} after the symbology identifier ]{symbology}."
        raise Invalid(f"{said} After it stands {expected}.", field=field, position=4)
    code, add_on = text[:_EAN_DIGITS], text[_EAN_DIGITS:]
    is_upc_e = symbology == _EAN_13 and len(code) == 8
    expanded = expanded_upc_e(code) if is_upc_e else code
    if expanded is None or not has_right_check_digit(expanded):
        said = f"The field {field} is {code} with the symbology identifier ]{symbology}, and its check digit is wrong."
        facts = {} if is_upc_e else {"check_digit": check_digit(code[:-1])}
        raise Invalid(f"{said} Scan the barcode again.", field=field, position=3 + len(code), **facts)
    gtin = canonical(expanded)
    if is_upc_e:
        return Scanned("upc_e", (gtin,), symbology, gtin)
    reading = _read_scale_code(code, scale_codes, field, symbology) if not add_on else None
    return reading if reading is not None else Scanned("gtin", (gtin,), symbology, gtin, add_on=add_on)


def _of_elements(form: ScanForm, elements: tuple[Element, ...], year: int, symbology: str) -> Scanned:
    """What elements say. Of several measures of one kind, the metric one counts."""
    values = {element.ai: element.value for element in elements}
    gtin = next((values[ai][:_GTIN_DIGITS] for ai in _GTINS if ai in values), "")
    count = values.get("30") or values.get("37")
    return Scanned(
        form,
        (gtin,) if gtin else (),
        symbology,
        gtin,
        elements,
        sscc=values.get("00", ""),
        lot=values.get("10", ""),
        serial=values.get("21", ""),
        expiry=_date(values, "17", year),
        best_before=_date(values, "15", year),
        sell_by=_date(values, "16", year),
        packed=_date(values, "13", year),
        produced=_date(values, "11", year),
        count=int(count) if count else None,
        weight=_measure(elements, "310", "KGM") or _measure(elements, "320", "LBR"),
        length=_measure(elements, "311", "MTR"),
        area=_measure(elements, "314", "MTK"),
        volume=_measure(elements, "315", "LTR") or _measure(elements, "316", "MTQ"),
        price=_amount(elements, "392") or _amount(elements, "393"),
        unit_price=_amount(elements, "395"),
    )


def _date(values: Mapping[str, str], ai: str, year: int) -> date | None:
    return date_of(values[ai], year) if ai in values else None


def _measure(elements: tuple[Element, ...], stem: str, unit: str) -> Measure | None:
    found = _with_decimals(elements, stem)
    return Measure(int(found.value), int(found.ai[3]), unit) if found is not None else None


def _amount(elements: tuple[Element, ...], stem: str) -> PrintedPrice | None:
    found = _with_decimals(elements, stem)
    if found is None:
        return None
    currency = found.value[:_CURRENCY_DIGITS] if stem == _WITH_CURRENCY else ""
    return PrintedPrice(int(found.value[len(currency) :]), int(found.ai[3]), currency)


def _with_decimals(elements: tuple[Element, ...], stem: str) -> Element | None:
    """The element whose identifier has these three digits, and then one that tells the decimals."""
    return next((element for element in elements if len(element.ai) == 4 and element.ai[:3] == stem), None)


def scanned_sku(catalog: Catalog, text: str, field: str, is_fact: bool = False) -> str:
    """The SKU of a barcode in a request: what a scanner makes of it, or else registered as it is written.

    Raises:
        UnknownSku: no SKU has the barcode, or only a deleted one.
        BarcodeConflict: several SKUs have it, so it does not say which goods these are.
    """
    try:
        return sku_of(catalog, read_scan(text, _ANY_YEAR, catalog.scale_codes, field), text, field, is_fact)
    except (UnknownSku, Invalid):
        return catalog.scan(text, field, is_fact)


def sku_of(catalog: Catalog, scanned: Scanned, text: str, field: str, is_fact: bool = False) -> str:
    """The SKU that a scan leads to.

    A text whose codes no SKU has may be registered as it is, by a document of an earlier release. For a code of a scale
    that is not tried: its price would be that of other goods.

    Args:
        text: what was scanned.
        is_fact: the request tells what happened to goods. Then the code of a deleted SKU is known, if no other has it.
    Raises:
        UnknownSku: no SKU has one of the codes.
        BarcodeConflict: several SKUs have a code, or the scan has two meanings and each is a SKU.
    """
    written = () if scanned.form == "scale_code" else (text,)
    refusals: list[UnknownSku] = []
    for fact in (False, True) if is_fact else (False,):
        for codes in (scanned.codes, written):
            sku = _only_sku(catalog, codes, text, field, fact, refusals)
            if sku is not None:
                return sku
    deleted = next((refusal for refusal in refusals if refusal.facts.get("deleted")), None)
    if deleted is not None:
        raise deleted
    what = f"no SKU has the barcode {text!r}" if scanned.codes else f"the barcode {text!r} names no trade item"
    facts = {"codes": list(scanned.codes)} if list(scanned.codes) != [text] else {}
    raise UnknownSku(f"{what}. {scanned.note}" if scanned.note else what, field=field, barcode=text, **facts)


def _only_sku(
    catalog: Catalog, codes: tuple[str, ...], text: str, field: str, is_fact: bool, refusals: list[UnknownSku]
) -> str | None:
    """The SKU that has one of some codes; None, and the refusals, if there is none. Raises BarcodeConflict for two."""
    found: dict[str, str] = {}
    for code in codes:
        try:
            found.setdefault(catalog.scan(code, field, is_fact), code)
        except UnknownSku as refusal:
            refusals.append(refusal)
    if len(found) > 1:
        said = f"The barcode {text!r} means {listed(list(found.values()))}, of the SKUs {listed(list(found))}."
        raise BarcodeConflict(
            f"{said} Name the SKU instead, or let the scanner send symbology identifiers.",
            field=field,
            barcode=text,
            skus=sorted(found),
        )
    return next(iter(found), None)
