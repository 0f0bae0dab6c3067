"""Transfer numbers: the names of transfers, as their labels show them.

A number is `t`, twelve characters of a hash, and a check character. It is computed from the key and the content of the
request, so the same request gets the same number at each node. The check character finds a mistyped one: a store takes
a parcel in before it has heard of it, and then nothing else shows the mistake.
"""

from __future__ import annotations

from hashlib import blake2b

from replica.core.base.errors import Invalid

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
"""The digits of base 32 (RFC 4648), in lower case as in accounts. It lacks 0 and 1, which look like letters."""

DIGITS = 12
"""Digits of the hash: 60 bits, so two of a hundred million transfers share a number with a chance of 0.5 %."""

NUMBER_PATTERN = rf"^t[a-z2-7]{{{DIGITS + 1}}}$(?!\n)"


def transfer_number(key: bytes, content: bytes) -> str:
    """The number of the transfer that a request under a key begins."""
    hashed = int.from_bytes(blake2b(key + b"\0" + content, digest_size=8).digest())
    digits = "".join(ALPHABET[hashed >> 5 * place & 31] for place in range(DIGITS))
    return f"t{digits}{check_character(digits)}"


def check_character(digits: str) -> str:
    """The check character of some digits. It changes with each single one, and if two adjacent ones are swapped.

    Source: the Luhn algorithm for 32 characters (Luhn mod N). Like that of cards, it misses a swap of the first
    and the last character of the alphabet.
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = ALPHABET.index(digit) * (2 - place % 2)
        total += doubled // 32 + doubled % 32
    return ALPHABET[-total % 32]


def is_transfer_number(text: str) -> bool:
    """Whether a text is the number of a transfer."""
    digits = text[1:-1]
    is_form = len(digits) == DIGITS and text[0] == "t" and all(one in ALPHABET for one in text[1:])
    return is_form and check_character(digits) == text[-1]


def check_transfer_number(text: str, field: str = "transfer") -> str:
    """Return the number of a transfer. Raises Invalid."""
    if not is_transfer_number(text):
        raise Invalid(
            f"{text!r} is not the number of a transfer. Compare it with the label: t and {DIGITS + 1} of a-z and 2-7",
            field=field,
        )
    return text
