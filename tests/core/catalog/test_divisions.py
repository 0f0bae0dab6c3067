"""Divisions of China: which code the names in an address mean."""

from __future__ import annotations

import pytest

from replica.core.catalog.divisions import Divisions, divisions, is_code, short_name


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (("上海", "", ""), "310000"),
        (("上海市", "上海市", "浦东新区"), "310115"),
        (("上海", "上海", "浦东"), "310115"),
        (("北京市", "市辖区", "东城区"), "110101"),
        (("", "北京", ""), "110000"),
        (("", " 苏 州 ", ""), "320500"),
        (("广西", "南宁", "青秀"), "450103"),
        (("吉林", "延边", "延吉"), "222401"),
        (("四川", "凉山州", "木里"), ""),
        (("四川", "凉山", "木里"), "513422"),
        (("湖北", "仙桃", ""), "429004"),
        (("海南", "儋州", ""), "460400"),
        (("浙江", "", "西湖"), "330106"),
        (("辽宁", "朝阳", "朝阳县"), "211321"),
        (("香港", "", ""), "810000"),
        (("台湾", "", ""), "710000"),
        (("", "凉山", ""), "513400"),
        (("", "仙桃", ""), "429004"),
        (("", "", "余杭"), "330110"),
    ],
)
def test_names_mean_the_division_that_people_mean(names: tuple[str, str, str], code: str) -> None:
    named = divisions().named(*names)
    assert (named.code if not named.unknown else "") == code


@pytest.mark.parametrize(
    ("names", "code", "unknown"),
    [
        (("", "", "西湖区"), "", "district"),
        (("", "海南", ""), "", "city"),
        (("新疆", "伊犁", "伊宁"), "654000", "district"),
        (("广东省", "东莞市", "南城街道"), "441900", "district"),
        (("浙江", "杭洲", "西湖区"), "330000", "city"),
        (("Zhejiang", "", ""), "", "province"),
        (("", "余杭", ""), "", "city"),
        (("", "浙江", ""), "", "city"),
        (("", "", "杭州市"), "", "district"),
        (("", "", "浙江省"), "", "district"),
    ],
)
def test_name_that_means_none_or_several_leaves_the_address_in_the_division_above(
    names: tuple[str, str, str], code: str, unknown: str
) -> None:
    named = divisions().named(*names)
    assert (named.code, named.unknown) == (code, unknown)


def test_each_full_path_of_names_means_its_own_division() -> None:
    known = divisions()
    for division in known:
        above = [one for code in reversed(known.and_above(division.code)) if (one := known.get(code)) is not None]
        names = [one.name for one in above]
        has_city = len(names) == 3 or (len(names) == 2 and division.code.endswith("00"))
        province, city, district = (*names, "", "")[:3] if has_city else (names[0], "", (*names, "")[1])
        assert known.named(province, city, district).code == division.code, names


def test_the_table_has_each_division_once_inside_one_that_is_there() -> None:
    known = divisions()
    provinces = [one for one in known if not one.parent]
    counties = [one for one in known if not one.code.endswith("00")]
    assert (len(known), len(provinces), len(counties)) == (3_212, 34, 2_845)
    assert all(one.parent == "" or known.get(one.parent) is not None for one in known)
    assert known.and_above("330106") == ["330106", "330100", "330000"]
    assert known.and_above("110105") == ["110105", "110000"]
    assert known.and_above("999999") == []


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("广西壮族自治区", "广西"),
        ("内蒙古自治区", "内蒙古"),
        ("克孜勒苏柯尔克孜自治州", "克孜勒苏"),
        ("双江拉祜族佤族布朗族傣族自治县", "双江"),
        ("东乡族自治县", "东乡族"),
        ("浦东新区", "浦东"),
        ("和县", "和县"),
        ("城区", "城区"),
    ],
)
def test_short_name_has_no_kind_and_no_peoples(name: str, short: str) -> None:
    assert short_name(name) == short


def test_wrong_name_is_met_with_close_ones() -> None:
    assert "杭州市" in divisions().close("city", "杭洲市")
    assert divisions().close("district", "余航", "330100") == ["余杭"]
    assert divisions().close("city", "Hamburg") == []
    assert divisions().close("city", " 杭 洲 市 ") == divisions().close("city", "杭洲市")


SMALL = [
    ("110000", "甲省"),
    ("110100", "乙市"),
    ("110101", "丙丁"),
    ("110102", "丙丁县"),
    ("110103", "戊己区"),
    ("119001", "庚辛市"),
]


def test_division_is_in_the_smallest_one_whose_code_begins_its_own() -> None:
    table = Divisions(SMALL)
    assert [one.parent for one in table] == ["", "110000", "110100", "110100", "110100", "110000"]
    assert table.and_above("110103") == ["110103", "110100", "110000"]


def test_whole_name_comes_before_a_short_one() -> None:
    table = Divisions(SMALL)
    assert table.named("甲省", "乙市", "丙丁").code == "110101"
    assert table.named("甲省", "乙市", "丙丁县").code == "110102"
    assert table.named("甲省", "乙市", "戊己").code == "110103"


def test_county_without_a_prefecture_is_a_city_and_one_with_a_prefecture_is_none() -> None:
    table = Divisions(SMALL)
    found = [table.named("", name, "") for name in ("庚辛", "乙市", "戊己", "甲省")]
    assert [one.code for one in found] == ["119001", "110100", "", ""]


@pytest.mark.parametrize(
    ("text", "is_one"), [("310115", True), ("31011", False), ("3101155", False), ("31011x", False)]
)
def test_code_has_six_digits(text: str, is_one: bool) -> None:
    assert is_code(text) == is_one
