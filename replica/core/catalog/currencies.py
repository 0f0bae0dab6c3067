"""Currencies: how many digits the minor unit of each has, and how cash is rounded.

All amounts are whole minor units: cents, yen, fils. So the rounding of a currency is the rounding to its minor unit.

Source: ISO 4217 list one, published 2026-01-01, as packaged in the wheel `iso4217` 1.16.20260101. Codes without a minor
unit, such as gold and the test code, are no currencies of prices. A code that ISO withdrew is not in the table; nodes
read older documents with any code.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated

from msgspec import Meta

from replica.core.base.errors import Invalid

CurrencyCode = Annotated[str, Meta(pattern=r"^[A-Z]{3}$", description="ISO 4217 code.", examples=["EUR"])]

_CODES_BY_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
        CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL
        HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU
        MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR
        SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED
        VES WST XAD XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

MINOR_DIGITS: dict[str, int] = {code: digits for digits, codes in _CODES_BY_DIGITS.items() for code in codes.split()}
"""Decimal digits of the minor unit by code: 2 for the euro, because a cent is a hundredth."""

CASH_INCREMENTS = {
    "AUD": 5,
    "CAD": 5,
    "CHF": 5,
    "CZK": 100,
    "DKK": 50,
    "HUF": 500,
    "NOK": 100,
    "NZD": 10,
    "SEK": 100,
}
"""Minor units of the smallest coin, where it is more than one minor unit and the whole country rounds cash to it.

Countries with the euro differ from each other, so the euro is not here.
"""

_CLOSE_MAX = 3
"""Codes that a refusal suggests."""


def check_currency(code: str, field: str) -> None:
    """Refuse a code that is no currency with a minor unit. Raises Invalid."""
    if code not in MINOR_DIGITS:
        close = get_close_matches(code, MINOR_DIGITS, _CLOSE_MAX)
        meant = f" Did you mean {' or '.join(close)}?" if close else ""
        text = f"The field {field} is {code!r}, which is not a currency of ISO 4217 with a minor unit.{meant}"
        raise Invalid(f"{text} Send a code of three letters, such as EUR.", field=field, known=close)


def amount_text(amount: int, code: str) -> str:
    """An amount as people write it: `12.50 EUR` for 1250. An unknown code is written with minor units."""
    digits = MINOR_DIGITS.get(code, 0)
    whole, minor = divmod(amount, 10**digits)
    return f"{whole}.{minor:0{digits}} {code}" if digits else f"{whole} {code}"


def cash_amount(amount: int, currency: str) -> int:
    """What a customer pays in cash for an amount, in minor units: the nearest multiple of the smallest coin, half up.

    Only the sum that is paid is rounded, never a line. For a currency without such a coin it is the amount itself.
    """
    increment = CASH_INCREMENTS.get(currency, 1)
    return (2 * amount + increment) // (2 * increment) * increment
