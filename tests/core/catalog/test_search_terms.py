"""Tokens and terms: each substring of a Chinese name finds it, words are found by their beginning, nothing crashes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import Invalid
from replica.core.base.limits import SEARCH_TERMS_MAX, TEXT_LENGTH_MAX, TOKEN_LENGTH_MAX
from replica.core.catalog.documents import pack_value
from replica.core.catalog.search_terms import (
    Searchable,
    Terms,
    fold,
    match_expression,
    matches,
    read_searchable,
    read_terms,
    texts_of,
    tokens_of,
)

HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1, max_size=12)
KANA = st.text(st.sampled_from("コカ・コーラゼロひらがなーﾘﾝｺﾞ"), min_size=1, max_size=12)
THAI = st.text(st.sampled_from("เบียร์ช้างน้ำดื่ม"), min_size=1, max_size=12)
unsegmented = st.lists(st.one_of(HAN, KANA, THAI, st.sampled_from([" ", "·"])), min_size=1).map("".join)
names = st.lists(st.one_of(HAN, KANA, THAI, st.sampled_from(["Cola", "330ml", " ", "·", "Crème"])), min_size=1).map(
    "".join
)


def candidates(terms: Terms, tokens: str) -> bool:
    """Whether the index would find these tokens: what FTS5 does with the expression, on a list."""
    held = tokens.split()
    for wanted in match_expression(terms).split(" AND "):
        token, is_prefix = wanted.rstrip("*").strip('"'), wanted.endswith("*")
        if not any(one.startswith(token) if is_prefix else one == token for one in held):
            return False
    return True


def has_terms(text: str) -> bool:
    """Whether there is anything to search for in a text."""
    return bool(tokens_of([text]))


@given(name=unsegmented, data=st.data())
def test_each_substring_of_one_and_two_characters_finds_a_name(name: str, data: st.DataObject) -> None:
    folded = fold(name)
    start = data.draw(st.integers(0, len(folded)))
    part = folded[start : start + data.draw(st.integers(1, 2))]
    if has_terms(part):
        assert candidates(read_terms(part), tokens_of([name]))
        assert matches(read_terms(part), [name])


@given(name=HAN, data=st.data())
def test_each_substring_of_a_chinese_name_finds_it(name: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(name) - 1))
    terms = read_terms(name[start : data.draw(st.integers(start + 1, len(name)))])
    assert candidates(terms, tokens_of([name]))
    assert matches(terms, [name])


@given(query=st.text(max_size=20), name=names)
def test_what_matches_is_found_by_its_tokens_and_an_exact_search_finds_nothing_else(query: str, name: str) -> None:
    if not has_terms(query) or len(query.split()) > SEARCH_TERMS_MAX:
        return
    try:
        terms = read_terms(query)
    except Invalid:
        return
    if matches(terms, [name]):
        assert candidates(terms, tokens_of([name]))
    if terms.is_exact:
        assert candidates(terms, tokens_of([name])) == matches(terms, [name])


@given(text=st.text(max_size=60))
def test_tokens_have_only_what_the_tokenizer_keeps(text: str) -> None:
    for token in tokens_of([text]).split(" "):
        assert all(ord(character) >= 128 or character.isalnum() for character in token)
        assert token == token.strip() and len(token) <= TOKEN_LENGTH_MAX


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("可口可乐 330ml", "可口 口可 可乐 乐 330ml"),
        ("可", "可"),
        ("Crème Brûlée", "creme brulee"),
        ("STRASSE Straße", "strasse"),
        ("ＣＯＬＡ ﾋﾞｰﾙ", "cola ビー ール ル"),
        ("M&M's 7-Up", "m s 7 up"),
        ("हिन्दी", "हिन्दी"),
        ("コカ・コーラ", "コカ カ コー ーラ ラ"),
        ("한국어 콜라", "한국어 콜라"),
        ("老干妈chili酱", "老干 干妈 妈 chili 酱"),
        ("!?", ""),
    ],
)
def test_a_text_has_these_tokens(text: str, tokens: str) -> None:
    assert tokens_of([text]) == tokens


@pytest.mark.parametrize(
    ("query", "expression"),
    [
        ("可", '"可"*'),
        ("可乐", '"可乐"'),
        ("可口可乐", '"可口" AND "口可" AND "可乐"'),
        ("col 可", '"col"* AND "可"*'),
        ('co"la* OR NEAR(', '"co"* AND "la"* AND "or"* AND "near"*'),
        ("Cola COLA", '"cola"*'),
    ],
)
def test_a_query_is_this_expression(query: str, expression: str) -> None:
    assert match_expression(read_terms(query)) == expression


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("乐可", True),
        ("可乐可", False),
        ("口可乐", True),
        ("乐 可口", True),
        ("330", True),
        ("30", False),
        ("coca 可乐", True),
        ("coca 百事", False),
    ],
)
def test_a_longer_query_is_looked_at_again(query: str, is_found: bool) -> None:
    assert matches(read_terms(query), ["可口可乐", "乐可", "Coca-Cola 330ml"]) is is_found


@pytest.mark.parametrize(
    "query", ["", "  ", "&!", "a" * (TEXT_LENGTH_MAX + 1), " ".join(f"w{n}" for n in range(SEARCH_TERMS_MAX + 1))]
)
def test_a_query_that_cannot_be_searched_is_refused_with_its_field(query: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_terms(query, "q")
    assert refused.value.field == "q"


def test_the_longest_query_and_the_most_words_are_searched() -> None:
    assert read_terms("a" * TEXT_LENGTH_MAX).words == ("a" * TEXT_LENGTH_MAX,)
    words = [f"w{n}" for n in range(SEARCH_TERMS_MAX - 1)]
    assert read_terms(" ".join([*words, "可乐"])) == Terms(tuple(words), ("可乐",))


def test_words_and_runs_count_as_words_of_a_query() -> None:
    query = " ".join(["可乐", *(f"w{n}" for n in range(SEARCH_TERMS_MAX))])
    with pytest.raises(Invalid, match=f"{SEARCH_TERMS_MAX + 1} words"):
        read_terms(query)


@pytest.mark.parametrize(
    ("terms", "is_exact"),
    [
        (Terms(("cola",), ("可乐",)), True),
        (Terms((), ("口可乐",)), False),
        (Terms(("cola",), ("口可乐",)), False),
        (Terms(("a" * (TOKEN_LENGTH_MAX - 1),), ()), True),
        (Terms(("a" * TOKEN_LENGTH_MAX,), ("可",)), False),
    ],
)
def test_the_index_alone_decides_on_pairs_and_on_words_that_it_has_whole(terms: Terms, is_exact: bool) -> None:
    assert terms.is_exact is is_exact


def test_a_sku_is_found_by_its_own_name_its_names_and_its_attributes() -> None:
    document = Searchable({"en": "Cola", "zh": "可乐"}, {"brand": "Fizz", "ml": 330, "abv": 4.5, "is_vegan": True})
    assert texts_of("cola-6", document) == ["cola-6", "Cola", "可乐", "Fizz", "330", "4.5"]


def test_a_document_is_searched_by_its_names_and_attributes() -> None:
    value = pack_value({"recipe": {"cola": 1}, "names": {"en": "Cola"}, "later": 1})
    assert read_searchable(value) == Searchable({"en": "Cola"})


@pytest.mark.parametrize("value", [None, b"", b"\xc1", pack_value([]), pack_value({"names": {"en": 1}})])
def test_a_document_that_cannot_be_read_is_not_searched(value: bytes | None) -> None:
    assert read_searchable(value) is None
