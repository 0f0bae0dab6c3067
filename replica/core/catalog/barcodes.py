"""Barcodes: which codes are the same number, and which cannot be right.

A GTIN has 8, 12, 13 or 14 digits, and the last one is its check digit. Padding with zeros on the left changes neither
the number nor its check digit, so all forms of one GTIN have one canonical form with 14 digits. Any other code, such as
a PLU or a code of the shop, is compared as it is written. Three lines compute the check digit, so no library does.
`scans` reads what a scanner sends: element strings, links, codes of scales.

Source: GS1 General Specifications, sections 7.9.1 (check digit) and 5.2.2.4.2 (UPC-E).
"""

from __future__ import annotations

GTIN_LENGTHS = (8, 12, 13, 14)

_DIGITS = 14

_UPC_E_DIGITS = 8


def canonical(code: str) -> str:
    """The form under which a code is indexed and looked up: equal for all forms of one GTIN."""
    code = code.strip()
    return code.zfill(_DIGITS) if is_of_gtin_form(code) and code[-1] == check_digit(code[:-1]) else code


def is_of_gtin_form(code: str) -> bool:
    """Whether a code has only digits, and as many as a GTIN."""
    return len(code) in GTIN_LENGTHS and code.isascii() and code.isdigit()


def check_digit(digits: str) -> str:
    """The check digit that follows these digits of a GTIN: weights 3, 1, 3, … from the right."""
    return str(-(3 * sum(map(int, digits[::-2])) + sum(map(int, digits[-2::-2]))) % 10)


def has_right_check_digit(digits: str) -> bool:
    """Whether the last of these ASCII digits is the check digit of those before it."""
    return digits[-1] == check_digit(digits[:-1])


def expanded_upc_e(code: str) -> str | None:
    """The UPC-A, 12 digits, that a UPC-E of 8 digits stands for. None if the code is no UPC-E.

    A UPC-E begins with the number system 0 or 1, and its check digit is that of the UPC-A.
    """
    if len(code) != _UPC_E_DIGITS or not (code.isascii() and code.isdigit()) or code[0] > "1":
        return None
    number, last = code[:6], code[6]
    match last:
        case "0" | "1" | "2":
            long = f"{number[:3]}{last}0000{number[3:]}"
        case "3":
            long = f"{number[:4]}00000{number[4:]}"
        case "4":
            long = f"{number[:5]}00000{number[5]}"
        case _:
            long = f"{number}0000{last}"
    return long + code[-1] if check_digit(long) == code[-1] else None
