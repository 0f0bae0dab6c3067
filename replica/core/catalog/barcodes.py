"""Barcodes: which codes are the same number, and which cannot be right.

A GTIN has 8, 12, 13 or 14 digits, and the last one is its check digit. Padding with zeros on the left changes neither
the number nor its check digit, so all forms of one GTIN have one canonical form with 14 digits. Any other code, such as
a PLU or a code of the shop, is compared as it is written. Three lines compute the check digit, so no library does.

Source: GS1 General Specifications, section 7.9.1.
"""

from __future__ import annotations

GTIN_LENGTHS = (8, 12, 13, 14)

_DIGITS = 14


def canonical(code: str) -> str:
    """The form under which a code is indexed and looked up: equal for all forms of one GTIN."""
    code = code.strip()
    return code.zfill(_DIGITS) if is_of_gtin_form(code) and code[-1] == check_digit(code[:-1]) else code


def is_of_gtin_form(code: str) -> bool:
    """Whether a code has only digits, and as many as a GTIN."""
    return len(code) in GTIN_LENGTHS and code.isascii() and code.isdigit()


def check_digit(digits: str) -> str:
    """The check digit that follows these digits of a GTIN: weights 3, 1, 3, … from the right."""
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)
