"""Codes of scales: restricted circulation numbers with a weight, a price or a number of pieces inside.

Which digits mean what is a matter of the country and of the chain, so a document says it: `scale_codes/default` names
templates. Without a document, no code is read like this. A template has a range of prefixes and a layout, one letter
for each digit after the prefix:

    I  item number    P  price    W  weight    N  pieces    X  not read
    K  check digit of the value after it       C  check digit of the code

So the template of prefixes 20..24 with the layout `IIIIIKPPPPC` reads 20 12345 9 2875 C as item 12345 for 28.75. A SKU
registers the code with zeros for all digits except prefix and item: 20 12345 0 0000 C.

Source: GS1 General Specifications, sections 2.1.12 (prefixes 02, 04, 20-29, and 0, 2 in 8 digits), 7.9.2-7.9.4 (the
check digit of a value); templates of countries: their GS1 organisations, see `scale_templates`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Annotated

import msgpack
from msgspec import Meta, Struct, ValidationError, convert

from replica.core.base.errors import Invalid
from replica.core.base.limits import SCALE_TEMPLATES_MAX
from replica.core.base.names import NAME_PATTERN
from replica.core.catalog.barcodes import canonical, check_digit
from replica.core.catalog.measures import Measure, PrintedPrice
from replica.core.catalog.registers import Register
from replica.core.catalog.scale_templates import NAMED, ScaleTemplate

SCALE_CODES = "scale_codes"
"""The kind of the document that says how codes of scales are read."""

DEFAULT = "default"
"""The key of the only document of this kind."""

_LENGTHS = (8, 13, 18)
"""Digits of codes of scales. A code of 12 digits is one of 13 with a zero before it."""

_ITEM_DIGITS_MAX = 10
_VALUE_DIGITS_MAX = 6
_KEY_DIGITS = 12
"""Digits, without the check digit, of the code that a SKU registers for a code of 13 or 18 digits."""

_VALUE_WEIGHTS = {4: ("2-", "2-", "3", "5-"), 5: ("5+", "2-", "5-", "5+", "2-")}
"""The weight of each digit of a value by its length."""

Prefix = Annotated[str, Meta(pattern=r"^([0-9]{0,3})$(?!\n)")]


class UsedTemplate(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A template that this program brings, for all its prefixes or for a part of them."""

    template: Annotated[str, Meta(description="The name of a template.", extra_json_schema={"enum": list(NAMED)})]
    first: Prefix = ""
    last: Prefix = ""


class ScaleCodesDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of the document `scale_codes/default`: the templates by which codes of scales are read."""

    use: Annotated[tuple[UsedTemplate, ...], Meta(max_length=SCALE_TEMPLATES_MAX)] = ()
    templates: Annotated[
        dict[Annotated[str, Meta(pattern=NAME_PATTERN)], ScaleTemplate], Meta(max_length=SCALE_TEMPLATES_MAX)
    ] = {}


class _ReadUsed(UsedTemplate, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer: fields that a later version added are ignored."""


class _ReadTemplate(ScaleTemplate, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer."""


class _ReadScaleCodes(Struct, frozen=True):
    """The document, read from a peer."""

    use: Annotated[tuple[_ReadUsed, ...], Meta(max_length=SCALE_TEMPLATES_MAX)] = ()
    templates: Annotated[dict[str, _ReadTemplate], Meta(max_length=SCALE_TEMPLATES_MAX)] = {}


class ScaleReading(Struct, frozen=True):
    """What a code of a scale says."""

    template: str
    item: str
    codes: tuple[str, ...]
    """The codes under which the SKU is looked up, in canonical form."""
    price: PrintedPrice | None = None
    weight: Measure | None = None
    pieces: int | None = None


class _Form(Struct, frozen=True, gc=False):
    """A template ready for reading: where its digits are. An absent part is an empty slice."""

    name: str
    template: ScaleTemplate
    length: int
    item: slice
    price: slice
    weight: slice
    pieces: slice
    check: slice
    checked: slice

    def has_prefix_of(self, code: str) -> bool:
        return self.template.first <= code[: len(self.template.first)] <= self.template.last


class ScaleCodes:
    """The templates that are in use. Immutable."""

    __slots__ = ("_forms",)

    def __init__(self, forms: Iterable[_Form] = ()) -> None:
        self._forms: dict[int, tuple[_Form, ...]] = {}
        for form in forms:
            self._forms[form.length] = (*self._forms.get(form.length, ()), form)

    def read(self, digits: str, field: str) -> ScaleReading | None:
        """Read a code of ASCII digits. None if no template in use is for codes like it.

        Raises:
            Invalid: a check digit is wrong, so the price or weight may be as well. It names the position.
        """
        code = digits.zfill(13) if len(digits) == 12 else digits
        form = next((one for one in self._forms.get(len(code), ()) if one.has_prefix_of(code)), None)
        if form is None:
            return None
        if code[-1] != (right := check_digit(code[:-1])):
            _refuse_digit(form, digits, len(digits), right, field)
        if code[form.check] != (right := value_check_digit(code[form.checked])):
            _refuse_digit(form, digits, form.check.stop - (len(code) - len(digits)), right, field)
        template = form.template
        price, weight, pieces = code[form.price], code[form.weight], code[form.pieces]
        return ScaleReading(
            template=form.name,
            item=code[form.item],
            codes=_codes(form, code),
            price=PrintedPrice(int(price), template.price_decimals) if price else None,
            weight=Measure(int(weight), template.weight_decimals, template.weight_unit) if weight else None,
            pieces=int(pieces) if pieces else None,
        )


NO_SCALE_CODES = ScaleCodes()
"""Those of a chain without a document."""


def _refuse_digit(form: _Form, digits: str, position: int, right: str, field: str) -> None:
    text = f"The field {field} is {digits}, a code of a scale by the template {form.name!r}."
    raise Invalid(
        f"{text} Its check digit at position {position} is wrong: {right} would be right. Scan the code again.",
        field=field,
        position=position,
        check_digit=right,
    )


def _codes(form: _Form, code: str) -> tuple[str, ...]:
    prefix, item = code[: len(form.template.first)], code[form.item]
    digits = min(_KEY_DIGITS, form.length - 1)
    key = (prefix.ljust(form.item.start, "0") + item).ljust(digits, "0")
    found = canonical(key + check_digit(key))
    plu = item.lstrip("0")
    return (found, plu) if form.template.is_plu and plu else (found,)


def value_check_digit(digits: str) -> str:
    """The check digit of a price or weight of 4 or 5 digits. Empty for no digits.

    Source: GS1 General Specifications, sections 7.9.2 to 7.9.4.
    """
    weights = _VALUE_WEIGHTS.get(len(digits))
    if weights is None:
        return ""
    total = sum(_weighted(int(digit), weight) for digit, weight in zip(digits, weights, strict=True))
    if len(digits) == 4:
        return str(total * 3 % 10)
    return next(str(digit) for digit in range(10) if (_weighted(digit, "5-") + total) % 10 == 0)


def _weighted(digit: int, weight: str) -> int:
    """A digit times a weight; the tens are then subtracted from the units, or added to them."""
    tens, units = divmod(digit * int(weight[0]), 10)
    return units + {"-": -tens, "+": tens}.get(weight[1:], 0)


def check_scale_codes(document: ScaleCodesDocument) -> ScaleCodes:
    """Check the templates of a document, and return them ready for reading.

    Raises:
        Invalid: a template is unknown, a layout is impossible, or two templates are for the same codes. It names the
            field.
    """
    return _ready(document.use, document.templates)


def _ready(use: Sequence[UsedTemplate], templates: Mapping[str, ScaleTemplate]) -> ScaleCodes:
    forms: dict[str, _Form] = {}
    for index, used in enumerate(use):
        field = f"use[{index}]"
        if used.template not in NAMED:
            text = f"The field {field}.template is {used.template!r}. The templates are {', '.join(NAMED)}."
            raise Invalid(text, field=f"{field}.template", known=list(NAMED))
        forms[field] = _form(used.template, _narrowed(NAMED[used.template], used, field), field)
    for name, template in templates.items():
        forms[f"templates.{name}"] = _form(name, template, f"templates.{name}")
    _refuse_overlaps(forms)
    return ScaleCodes(forms.values())


def _narrowed(template: ScaleTemplate, used: UsedTemplate, field: str) -> ScaleTemplate:
    """A template for a part of its prefixes."""
    first, last = used.first or template.first, used.last or used.first or template.last
    for name, prefix in (("first", first), ("last", last)):
        if len(prefix) != len(template.first) or not template.first <= prefix <= template.last:
            text = f"The field {field}.{name} is {prefix!r}. The template {used.template} is for prefixes"
            raise Invalid(f"{text} {template.first} to {template.last}.", field=f"{field}.{name}")
    return template.with_prefixes(first, last)


def _form(name: str, template: ScaleTemplate, field: str) -> _Form:
    _check_prefixes(template, field)
    start, places = len(template.first), dict[str, slice]()
    for letter, some in groupby(template.layout):
        width = len(list(some))
        if letter in places and letter != "X":
            _refuse_layout(template, field, f"the digits {letter} must stand together")
        places[letter] = slice(start, start + width)
        start += width
    _check_layout(template, field, places, start)
    none = slice(0, 0)
    check = places.get("K", none)
    checked = next((one for one in places.values() if one.start == check.stop), none)
    return _Form(
        name,
        template,
        start,
        places["I"],
        places.get("P", none),
        places.get("W", none),
        places.get("N", none),
        check,
        checked,
    )


def _check_prefixes(template: ScaleTemplate, field: str) -> None:
    first, last = template.first, template.last
    if len(first) != len(last) or first > last:
        text = f"The field {field}.last is {last!r}. It has as many digits as {first!r}, and is not before it."
        raise Invalid(text, field=f"{field}.last")
    is_short = len(first) + len(template.layout) == _LENGTHS[0]
    allowed = ("0", "2") if is_short else ("02", "04", "2")
    for name, prefix in (("first", first), ("last", last)):
        if not prefix.startswith(allowed) or prefix[0] != first[0]:
            text = f"The field {field}.{name} is {prefix!r}. Codes of scales begin with {', '.join(allowed)},"
            raise Invalid(f"{text} because other prefixes are those of goods of all shops.", field=f"{field}.{name}")
    if not is_short and first[0] == "0" and first[:2] != last[:2]:
        text = f"The field {field}.last is {last!r}. Not all prefixes from {first} are those of codes of scales."
        raise Invalid(text, field=f"{field}.last")


def _check_layout(template: ScaleTemplate, field: str, places: Mapping[str, slice], length: int) -> None:
    widths = {letter: place.stop - place.start for letter, place in places.items()}
    if length not in _LENGTHS:
        _refuse_layout(template, field, f"with its prefix it has {length} digits instead of 8, 13 or 18")
    if not template.layout.endswith("C") or widths["C"] != 1:
        _refuse_layout(template, field, "it ends with one C, the check digit")
    if not 1 <= widths.get("I", 0) <= _ITEM_DIGITS_MAX:
        _refuse_layout(template, field, f"it has 1 to {_ITEM_DIGITS_MAX} digits I, the item number")
    if places["I"].stop > _KEY_DIGITS:
        _refuse_layout(template, field, f"the item number is among the first {_KEY_DIGITS} digits")
    if any(widths.get(letter, 0) > _VALUE_DIGITS_MAX for letter in "PWN"):
        _refuse_layout(template, field, f"a value has at most {_VALUE_DIGITS_MAX} digits")
    if "K" in places:
        value = next((letter for letter in "PWN" if letter in places and places[letter].start == places["K"].stop), "")
        if widths["K"] != 1 or widths.get(value) not in _VALUE_WEIGHTS:
            _refuse_layout(template, field, "one K stands before a value of 4 or 5 digits")


def _refuse_layout(template: ScaleTemplate, field: str, why: str) -> None:
    raise Invalid(f"The field {field}.layout is {template.layout!r}: {why}.", field=f"{field}.layout")


def _refuse_overlaps(forms: Mapping[str, _Form]) -> None:
    seen: list[tuple[str, _Form]] = []
    for field, form in forms.items():
        for other, earlier in seen:
            if form.length == earlier.length and _overlap(form.template, earlier.template):
                text = f"The field {field}.first begins prefixes {form.template.first} to {form.template.last}"
                raise Invalid(
                    f"{text} for codes of {form.length} digits, and {other} reads some of them already. "
                    "Divide the prefixes.",
                    field=f"{field}.first",
                    other=other,
                )
        seen.append((field, form))


def _overlap(one: ScaleTemplate, other: ScaleTemplate) -> bool:
    digits = max(len(one.first), len(other.first))
    starts = [prefix.ljust(digits, "0") for prefix in (one.first, other.first)]
    ends = [prefix.ljust(digits, "9") for prefix in (one.last, other.last)]
    return max(starts) <= min(ends)


def read_scale_codes(register: Register | None) -> ScaleCodes | None:
    """The templates of the current write of the document. None if this version cannot use it."""
    if register is None or register.value is None:
        return NO_SCALE_CODES
    try:
        document = convert(msgpack.unpackb(register.value), _ReadScaleCodes)
        return _ready(document.use, document.templates)
    except (ValueError, ValidationError, Invalid):
        return None
