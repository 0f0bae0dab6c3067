"""GS1 application identifiers: which there are, and which form their values have.

The first two digits of an identifier say how many digits it has. A value begins with a fixed number of digits, and may
end with a part of variable length. Identifiers of a predefined length need no separator after their value.

Source: GS1 General Specifications, sections 3.2 (identifiers), 7.8.5 (predefined lengths) and 7.12 (dates). Codes that
GS1 adds later need a row in the table.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Literal

from msgspec import Struct

from replica.core.base.errors import Invalid
from replica.core.catalog.barcodes import check_digit


class Identifier(Struct, frozen=True, gc=False):
    """The form of the values of one application identifier."""

    ai: str
    name: str
    digits: int
    """Digits at the beginning of the value."""
    checked: int
    """The last of so many first digits is a check digit; 0 if there is none."""
    is_date: bool
    """Whether the value begins with a date, YYMMDD."""
    tail: Literal["N", "X"]
    """What may follow: digits, or characters of set 82."""
    tail_min: int
    tail_max: int

    @property
    def is_predefined(self) -> bool:
        """Whether the length of the value is known without a separator after it."""
        return self.ai[:2] in _PREDEFINED

    @property
    def length_max(self) -> int:
        """Characters in the longest value."""
        return self.digits + self.tail_max


_TABLE = """
00           N18*           SSCC
01           N14*           GTIN
02           N14*           GTIN of the content
03           N14*           GTIN made to order
10           X1..20         batch or lot
11           D              production date
12           D              due date
13           D              packaging date
15           D              best before date
16           D              sell by date
17           D              expiration date
20           N2             internal variant
21           X1..20         serial number
22           X1..20         consumer product variant
235          X1..28         third-party serialised extension
240          X1..30         additional product identification
241          X1..30         customer part number
242          N1..6          made-to-order variation
243          X1..20         packaging component number
250          X1..30         secondary serial number
251          X1..30         reference to the source entity
253          N13* X0..17    document type identifier
254          X1..20         GLN extension
255          N13* N0..12    coupon number
30           N1..8          variable count
310n-316n    N6             net measure, metric
320n-329n    N6             net measure, other units
330n-337n    N6             logistic measure, metric
340n-349n    N6             logistic measure, other units
350n-357n    N6             area or net measure, other units
360n-369n    N6             volume, other units
37           N1..8          count of trade items
390n         N1..15         amount payable
391n         N3 N1..15      amount payable with currency
392n         N1..15         amount payable of a variable measure item
393n         N3 N1..15      amount payable of a variable measure item with currency
3940-3943    N4             percentage discount of a coupon
3950-3955    N6             amount payable per unit of measure
400          X1..30         order number of the customer
401          X1..30         consignment number
402          N17*           shipment number
403          X1..30         routing code
410-417      N13*           GLN
420          X1..20         postcode of the destination
421          N3 X1..9       postcode of the destination with country
422          N3             country of origin
423          N3 N0..12      countries of initial processing
424          N3             country of processing
425          N3 N0..12      countries of disassembly
426          N3             country of all processing
427          X1..3          part of the country of origin
4300-4301    X1..35         destination
4302-4306    X1..70         destination
4307         X2..2          destination
4308         X1..30         destination
4309         N20            destination
4310-4311    X1..35         return address
4312-4316    X1..70         return address
4317         X2..2          return address
4318         X1..20         return address
4319         X1..30         return address
4320         X1..35         service code
4321-4323    N1             delivery flag
4324-4325    D N4           delivery time
4326         D              release date
4330-4333    N6 X0..1       temperature
7001         N13            NATO stock number
7002         X1..30         meat cut
7003         D N4           expiration time
7004         N1..4          active potency
7005         X1..12         catch area
7006         D              first freeze date
7007         D N0..6        harvest dates
7008         X1..3          aquatic species
7009         X1..10         fishing gear
7010         X1..2          production method
7011         D N0..4        test by date
7020-7022    X1..20         refurbishment
7023         X1..30         assembly
7030-7039    N3 X1..27      processor
7040         N1 X3..3       unique identification code
7041         X1..4          freight unit type
710-717      X1..20         healthcare reimbursement number
7230-7239    X3..30         certification
7240         X1..20         protocol
7241         N2             media type
7242         X1..25         version control number
7250         N8             date of birth
7251         N12            time of birth
7252         N1             biological sex
7253-7254    X1..40         name of a person
7255         X1..10         name suffix of a person
7256         X1..90         full name of a person
7257         X1..70         address of a person
7258         X3..3          birth sequence
7259         X1..40         family name of a baby
8001         N14            roll products
8002         X1..20         mobile telephone
8003         N14* X0..16    returnable asset
8004         X1..30         individual asset
8005         N6             price per unit of measure
8006         N14* N4        piece of a trade item
8007         X1..34         bank account
8008         D N2 N0..4     production time
8009         X1..50         optical sensor
8010         X1..30         component or part
8011         N1..12         serial number of a component or part
8012         X1..20         software version
8013         X1..25         model number
8014         X1..25         device registration
8017-8018    N18*           service relation
8019         N1..10         service relation instance
8020         X1..25         payment slip reference
8026         N14* N4        piece of a trade item in a logistic unit
8030         X1..90         digital signature
8040-8041    N15            mobile equipment
8042         N32            embedded SIM
8043         N18 N0..2      physical SIM
8110         X1..70         coupon
8111         N4             loyalty points
8112         X1..70         coupon
8200         X1..70         product address
90           X1..30         agreed between trading partners
91-99        X1..90         company internal
"""

_PREDEFINED = dict.fromkeys(
    ["00", "01", "02", "03", "04", "20", "41", *map(str, range(11, 20)), *map(str, range(31, 37))]
)
"""First two digits of the identifiers whose values need no separator after them. The list will never change."""

_DATE_DIGITS = 6

_MONTHS = 12

_ANY_YEAR = 2000
"""The century does not matter for whether a day exists, except in the year 00."""

_PART = re.compile(r"(?P<date>D)|N(?P<digits>\d+)(?P<check>\*?)|(?P<tail>[NX])(?P<least>\d+)\.\.(?P<most>\d+)")


def _named(ai: str, form: str, name: str) -> Identifier:
    """The identifier of one row. The form is fixed digits first, then at most one part of variable length."""
    digits, checked, is_date, least, most = 0, 0, False, 0, 0
    tail: Literal["N", "X"] = "X"
    for part in form.split():
        found = _PART.fullmatch(part)
        assert found is not None, (ai, form)
        if found["tail"]:
            tail = "N" if found["tail"] == "N" else "X"
            least, most = int(found["least"]), int(found["most"])
        else:
            digits += _DATE_DIGITS if found["date"] else int(found["digits"])
            is_date = is_date or bool(found["date"])
            checked = digits if found["check"] else checked
    return Identifier(ai, name, digits, checked, is_date, tail, least, most)


def _expanded(ais: str) -> list[str]:
    """The identifiers of one row: `410-417`, and `310n` for those with a digit that tells the decimals."""
    first, _, last = ais.partition("-")
    stems = range(int(first.rstrip("n")), int((last or first).rstrip("n")) + 1)
    width = len(first.rstrip("n"))
    decimals = "0123456789" if first.startswith("39") else "012345"
    return [f"{stem:0{width}}{digit}" for stem in stems for digit in (decimals if first.endswith("n") else ("",))]


def read_table(table: str) -> dict[str, Identifier]:
    """The identifiers of a table: in each row some identifiers, the form of their values, and what they name."""
    rows = [(*line[:13].split(), line[13:28].strip(), line[28:].strip()) for line in table.strip().splitlines()]
    return {ai: _named(ai, form, name) for ais, form, name in rows for ai in _expanded(ais)}


IDENTIFIERS = read_table(_TABLE)
"""Every application identifier."""

_LENGTHS = {ai[:2]: len(ai) for ai in IDENTIFIERS}
"""Digits of an identifier by its first two."""

_SET_82 = re.compile(r"""[!"%&'()*+,\-./0-9:;<=>?A-Z_a-z]*""")

_DIGITS = re.compile(r"[0-9]*")


def identifier_at(text: str, at: int, field: str, position: int) -> Identifier:
    """The identifier at an index of a text. Raises Invalid naming the `position`, counted from 1."""
    ai = text[at : at + _LENGTHS.get(text[at : at + 2], 2)]
    return known_identifier(ai, field, position)


def known_identifier(ai: str, field: str, position: int) -> Identifier:
    """The identifier of this number. Raises Invalid naming the `position`, counted from 1."""
    found = IDENTIFIERS.get(ai)
    if found is None:
        text = f"The field {field} has {ai!r} at position {position}, which is no GS1 application identifier."
        raise Invalid(text, field=field, ai=ai, position=position)
    return found


def check_value(identifier: Identifier, value: str, field: str, position: int) -> None:
    """Check the form, the check digit and the date of a value. Raises Invalid naming the identifier and the position.

    Args:
        position: where the value begins in the scanned text, counted from 1.
    """
    head, tail = value[: identifier.digits], value[identifier.digits :]
    what = f"The field {field} has {value!r} after the identifier {identifier.ai} ({identifier.name})"
    problem: str | None = None
    facts: dict[str, str] = {}
    if len(head) < identifier.digits or not identifier.tail_min <= len(tail) <= identifier.tail_max:
        problem = f"which has {_lengths(identifier)}"
    elif not _DIGITS.fullmatch(head) or (identifier.tail == "N" and not _DIGITS.fullmatch(tail)):
        problem = (
            "which has only digits" if identifier.tail == "N" or not tail else f"which begins with {len(head)} digits"
        )
    elif not _SET_82.fullmatch(tail):
        problem = "which has only letters, digits and !\"%&'()*+,-./:;<=>?_"
    elif identifier.checked and head[identifier.checked - 1] != (right := check_digit(head[: identifier.checked - 1])):
        problem, facts = f"whose check digit is {right}", {"check_digit": right}
    elif identifier.is_date and date_of(head, _ANY_YEAR) is None:
        problem = "which begins with a date, YYMMDD"
    if problem is not None:
        raise Invalid(
            f"{what} at position {position}, {problem}.", field=field, ai=identifier.ai, position=position, **facts
        )


def _lengths(identifier: Identifier) -> str:
    least, most = identifier.digits + identifier.tail_min, identifier.length_max
    return f"{most} characters" if least == most else f"{least} to {most} characters"


def date_of(digits: str, year: int) -> date | None:
    """The date that YYMMDD means in a `year` of four digits. None if there is no such day.

    The century is the one that puts the date between 49 years before and 50 years after. The day 00 is the last day of
    the month.

    Source: GS1 General Specifications, section 7.12.
    """
    short, month, day = int(digits[:2]), int(digits[2:4]), int(digits[4:6])
    difference = short - year % 100
    century = year // 100 + (-1 if difference > 50 else 1 if difference < -49 else 0)
    full = century * 100 + short
    if not 1 <= month <= _MONTHS:
        return None
    try:
        return date(full, month, day) if day else date(full + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    except ValueError:
        return None
