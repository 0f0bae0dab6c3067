"""Templates for codes of scales, by name. None is in use before a document says so.

`cn-…`: GB/T 18283, in-store bar codes. A code has 8 digits, or 13 with an item number of 10 digits or with one of four
structures for a price or weight. The chain chooses the prefixes. Codes of 18 digits are no standard; scales of several
makers print them. `de-…`: GS1 Germany. `dk-…`: GS1 Denmark. `gb-…`: GS1 UK. `se-…`: GS1 Sweden; Finland, Estonia,
Latvia and Lithuania have the same weights. `us-…`: GS1 US, number system 2 of UPC-A, which is 02 in 13 digits.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace


class ScaleTemplate(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which codes of scales are read, and what their digits mean."""

    first: Annotated[str, Meta(pattern=r"^[0-9]{1,3}$(?!\n)", description="The first of the prefixes.")]
    last: Annotated[str, Meta(pattern=r"^[0-9]{1,3}$(?!\n)", description="The last of the prefixes.")]
    layout: Annotated[
        str,
        Meta(
            pattern=r"^[IPWNKXC]{1,17}$",
            description="A letter for each digit after the prefix: I item, P price, W weight, N pieces, X not read, "
            "K check digit of the value after it, C check digit of the code.",
        ),
    ]
    price_decimals: Annotated[int, Meta(ge=0, le=4)] = 2
    weight_decimals: Annotated[int, Meta(ge=0, le=6)] = 3
    weight_unit: Literal["KGM", "LBR", "GRM", "ONZ"] = "KGM"
    is_plu: Annotated[bool, Meta(description="Whether a SKU may also register the item number, as a PLU.")] = False

    def with_prefixes(self, first: str, last: str) -> ScaleTemplate:
        """The same for other prefixes."""
        return replace(self, first=first, last=last)


NAMED: dict[str, ScaleTemplate] = {
    "cn-item": ScaleTemplate("20", "29", "IIIIIIIIIIC"),
    "cn-1-price": ScaleTemplate("20", "29", "IIIIIIPPPPC"),
    "cn-1-weight": ScaleTemplate("20", "29", "IIIIIIWWWWC"),
    "cn-2-price": ScaleTemplate("20", "29", "IIIIIPPPPPC"),
    "cn-2-weight": ScaleTemplate("20", "29", "IIIIIWWWWWC"),
    "cn-3-price": ScaleTemplate("20", "29", "IIIIIKPPPPC"),
    "cn-3-weight": ScaleTemplate("20", "29", "IIIIIKWWWWC"),
    "cn-4-price": ScaleTemplate("20", "29", "IIIIKPPPPPC"),
    "cn-4-weight": ScaleTemplate("20", "29", "IIIIKWWWWWC"),
    "cn-8": ScaleTemplate("2", "2", "IIIIIIC"),
    "cn-18-price-weight": ScaleTemplate("20", "29", "IIIIIPPPPPWWWWWC"),
    "cn-18-weight-price": ScaleTemplate("20", "29", "IIIIIWWWWWPPPPPC"),
    "de-price": ScaleTemplate("22", "23", "IIIIKPPPPPC"),
    "de-pieces": ScaleTemplate("25", "26", "IIIIKNNNNNC"),
    "de-weight": ScaleTemplate("28", "29", "IIIIKWWWWWC"),
    "dk-price": ScaleTemplate("21", "24", "IIIIPPPPPPC"),
    "dk-weight-26": ScaleTemplate("26", "26", "IIIIWWWWWWC"),
    "dk-weight-27": ScaleTemplate("27", "27", "IIIIIWWWWWC"),
    "dk-weight-28": ScaleTemplate("28", "28", "IIIIWWWWWWC"),
    "gb-price": ScaleTemplate("20", "20", "IIIIIKPPPPC"),
    "se-price-20": ScaleTemplate("20", "20", "IIIIIIPPPPC", price_decimals=2),
    "se-price-21": ScaleTemplate("21", "21", "IIIIIIPPPPC", price_decimals=1),
    "se-price-22": ScaleTemplate("22", "22", "IIIIIIPPPPC", price_decimals=0),
    "se-weight-23": ScaleTemplate("23", "23", "IIIIIIWWWWC", weight_decimals=3),
    "se-weight-24": ScaleTemplate("24", "24", "IIIIIIWWWWC", weight_decimals=2),
    "se-weight-25": ScaleTemplate("25", "25", "IIIIIIWWWWC", weight_decimals=1),
    "us-price": ScaleTemplate("02", "02", "IIIIIKPPPPC"),
}
"""The templates that this program brings."""
