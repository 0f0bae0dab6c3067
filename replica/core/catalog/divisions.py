"""Divisions of China by name: which GB/T 2260 code a province, a city and a district of an address mean.

People leave out the end of a name: 上海 is 上海市, 延边 is 延边朝鲜族自治州. They write a municipality twice.
They leave out the prefecture of a county. A name that could mean two divisions means none of them here, because a
parcel to the wrong county is worse than a question.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache

from msgspec import Struct

from replica.core.catalog.cn_divisions import TABLE

COUNTRY = "CN"
"""The country that these divisions are of, as ISO 3166-1 writes it."""

_CLOSE_MAX = 3
"""Names that a refusal suggests."""

_ENDINGS = ("特别行政区", "自治区", "自治州", "自治县", "自治旗", "地区", "新区", "林区", "特区", *"省市盟区县旗")
"""The kinds of divisions. Longer ones first, because a name loses one of them."""

_PEOPLES_TEXT = """
柯尔克孜 哈尼族 土家族 朝鲜族 蒙古族 达斡尔族 布依族 傈僳族 拉祜族 仡佬族 仫佬族 毛南族 纳西族 景颇族 布朗族 普米族
独龙族 裕固族 保安族 东乡族 撒拉族 哈萨克族 哈萨克 维吾尔 塔吉克 锡伯 蒙古 满族 回族 畲族 苗族 瑶族 侗族 壮族 各族 黎族
羌族 彝族 藏族 水族 傣族 佤族 白族 怒族 土族
"""

_PEOPLES = tuple(_PEOPLES_TEXT.split())
"""The peoples that names of autonomous divisions list. They are left out with the ending."""

_FILLERS = ("市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划")
"""What some forms write as the city of a county that has no prefecture."""

_SHORT_MIN = 2
"""Characters of a name without its ending. 和县 is never 和."""

_autonomous = re.compile(r"自治[区州县旗]$")
_code = re.compile(r"^\d{6}$")


class Division(Struct, frozen=True):
    """One division. `parent`: the code of the division that contains it; empty for a province."""

    code: str
    name: str
    parent: str


class Named(Struct, frozen=True):
    """What names mean. `code`: the smallest division that they mean; empty if none.

    `unknown`: the first field whose name means no division, or several; empty if each name means one.
    """

    code: str
    unknown: str = ""


class Divisions:
    """A table of divisions, by code and by name."""

    __slots__ = ("_all", "_below", "_children")

    def __init__(self, rows: Iterable[tuple[str, str]]) -> None:
        self._all: dict[str, Division] = {}
        self._children: dict[str, list[Division]] = {}
        for code, name in rows:
            division = Division(code, name, self._parent_of(code))
            self._all[code] = division
            self._children.setdefault(division.parent, []).append(division)
        self._below: dict[str, tuple[Mapping[str, list[Division]], ...]] = {}
        """For each division: the divisions in it by name and by short name, those of the next level first."""

    def _parent_of(self, code: str) -> str:
        for known in (f"{code[:4]}00", f"{code[:2]}0000"):
            if known != code and known in self._all:
                return known
        return ""

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Division]:
        return iter(self._all.values())

    def get(self, code: str) -> Division | None:
        """The division with a code."""
        return self._all.get(code)

    def and_above(self, code: str) -> list[str]:
        """A code and those of the divisions that contain it, the smallest first."""
        found = []
        while (division := self._all.get(code)) is not None:
            found.append(code)
            code = division.parent
        return found

    def named(self, province: str, city: str, district: str) -> Named:
        """What the names in an address mean. A field that is empty is left out."""
        at = ""
        for field, text in (("province", province), ("city", city), ("district", district)):
            name = "".join(text.split())
            if not name:
                continue
            found = self._find(at, name, field)
            if found is None:
                return Named(at, field)
            at = found
        return Named(at)

    def close(self, field: str, text: str, inside: str = "") -> list[str]:
        """Names that a wrong name may mean, in a division or in all."""
        names = [name for level in self._levels(inside, field) for name in level]
        return get_close_matches("".join(text.split()), dict.fromkeys(names), _CLOSE_MAX, cutoff=0.5)

    def _find(self, at: str, name: str, field: str) -> str | None:
        """The one division with a name in a division; that one itself if the name is said again."""
        for by_name in self._levels(at, field):
            found = by_name.get(name, ())
            exact = [one for one in found if one.name == name] or found
            if exact:
                return exact[0].code if len(exact) == 1 and (at or self._is_no_other(exact[0], name)) else None
        here = self._all.get(at)
        if here is not None and (name in (here.name, short_name(here.name)) or name in _FILLERS):
            return at
        return None

    def _is_no_other(self, division: Division, name: str) -> bool:
        """Whether no province has the name of a division outside it: 海南 is a province, and a prefecture of 青海."""
        (provinces,) = self._levels("", "province")
        return all(one.code in self.and_above(division.code) for one in provinces.get(name, ()))

    def _levels(self, at: str, field: str) -> tuple[Mapping[str, list[Division]], ...]:
        """The divisions in a division by name, level by level. In all of China: those of the level of the field."""
        name = at or field
        known = self._below.get(name)
        if known is None:
            known = self._below[name] = tuple(map(_by_name, self._members(at, field)))
        return known

    def _members(self, at: str, field: str) -> list[list[Division]]:
        if at:
            children = self._children.get(at, [])
            return [children, [one for child in children for one in self._children.get(child.code, ())]]
        if field == "province":
            return [self._children[""]]
        is_city = field == "city"
        # the cities of all China: its prefectures and municipalities, and counties without a prefecture
        return [[one for one in self._all.values() if _is_city(one) == is_city and (is_city or one.parent)]]


def _is_city(division: Division) -> bool:
    """Whether people write a division in the field for the city."""
    if not division.parent:
        return division.name.endswith("市")
    return division.code.endswith("00") or division.code[2:4] == "90"


def _by_name(divisions: Iterable[Division]) -> dict[str, list[Division]]:
    found: dict[str, list[Division]] = {}
    for division in divisions:
        for name in dict.fromkeys((division.name, short_name(division.name))):
            found.setdefault(name, []).append(division)
    return found


def short_name(name: str) -> str:
    """A name without its kind and the peoples that it lists, as people write it."""
    ending = next((one for one in _ENDINGS if name.endswith(one) and len(name) - len(one) >= _SHORT_MIN), "")
    short = name.removesuffix(ending)
    while _autonomous.search(name):
        people = next((one for one in _PEOPLES if short.endswith(one) and len(short) - len(one) >= _SHORT_MIN), "")
        if not people:
            break
        short = short.removesuffix(people)
    return short


def is_code(text: str) -> bool:
    """Whether a text has the form of a GB/T 2260 code."""
    return _code.fullmatch(text) is not None


@lru_cache(maxsize=1)
def divisions() -> Divisions:
    """The divisions of China. They are read once, because most stores never need them."""
    return Divisions((token[:6], token[6:]) for token in TABLE.split())
