"""Measures and prices as barcodes write them: integers with a number of decimals, exact."""

from __future__ import annotations

from msgspec import Struct

_SIZES: dict[str, tuple[str, int]] = {
    "MGM": ("mass", 10**6),
    "GRM": ("mass", 10**9),
    "DJ": ("mass", 10**10),
    "HGM": ("mass", 10**11),
    "KGM": ("mass", 10**12),
    "TNE": ("mass", 10**15),
    "LBR": ("mass", 453_592_370_000),
    "ONZ": ("mass", 28_349_523_125),
    "MLT": ("volume", 1),
    "CMQ": ("volume", 1),
    "CLT": ("volume", 10),
    "DLT": ("volume", 100),
    "LTR": ("volume", 10**3),
    "DMQ": ("volume", 10**3),
    "HLT": ("volume", 10**5),
    "MTQ": ("volume", 10**6),
    "MMT": ("length", 1),
    "CMT": ("length", 10),
    "DMT": ("length", 100),
    "MTR": ("length", 10**3),
    "LM": ("length", 10**3),
    "KMT": ("length", 10**6),
    "CMK": ("area", 1),
    "DMK": ("area", 10**2),
    "MTK": ("area", 10**4),
}
"""What each unit measures, and its size in the smallest unit here: nanograms, millilitres, millimetres, cm²."""


class Measure(Struct, frozen=True, gc=False):
    """`amount` · 10^-`decimals` of a unit. `unit` is a UN/ECE Rec 20 code."""

    amount: int
    decimals: int
    unit: str

    def units(self, unit: str) -> int | None:
        """Whole units of another unit, to the nearest, and halves up. None if the two measure different things."""
        mine, other = _SIZES.get(self.unit), _SIZES.get(unit)
        if mine is None or other is None or mine[0] != other[0]:
            return None
        over = other[1] * int(10**self.decimals)
        return (2 * self.amount * mine[1] + over) // (2 * over)


class PrintedPrice(Struct, frozen=True, omit_defaults=True, gc=False):
    """`amount` · 10^-`decimals` of a currency."""

    amount: int
    decimals: int
    currency: str = ""
    """The number of the currency, three digits of ISO 4217, if the barcode has it. Else the store's own."""

    def minor_units(self, decimals: int) -> int | None:
        """In minor units of a currency with so many decimals. None if that is no whole number of them."""
        if decimals >= self.decimals:
            return self.amount * int(10 ** (decimals - self.decimals))
        units, rest = divmod(self.amount, 10 ** (self.decimals - decimals))
        return units if rest == 0 else None
