"""Names, accounts and keys: which texts are valid."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from replica.core.base import names
from replica.core.base.errors import Invalid
from replica.core.base.limits import KEY_LENGTH_MAX, NAME_LENGTH_MAX
from replica.core.rights.quotas import channel_account

LONGEST = "a" * NAME_LENGTH_MAX
UUID_TEXT = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.mark.parametrize("name", ["store-12", "a", "0", "hub.east_1", "a" * NAME_LENGTH_MAX])
def test_text_like_a_hostname_is_a_name(name: str) -> None:
    assert names.is_name(name)
    assert names.check_name(name, "name") == name


@pytest.mark.parametrize(
    "name", ["", "-store", ".x", "Store", "a b", "a/b", "a#b", "*", "@hubs", "größe", "a" * (NAME_LENGTH_MAX + 1)]
)
def test_other_text_is_no_name_and_the_refusal_has_the_field(name: str) -> None:
    assert not names.is_name(name)
    with pytest.raises(Invalid) as refused:
        names.check_name(name, "location")
    assert refused.value.field == "location"


@pytest.mark.parametrize("item", ["cola_bottle", "4006381333931", "A+B:C", "x" * NAME_LENGTH_MAX])
def test_printable_ascii_is_an_item(item: str) -> None:
    assert names.is_item(item)


@pytest.mark.parametrize("item", ["", "a b", "a/b", 'a"b', "a\\b", "ü", "a\x7f", "a\x00", "x" * (NAME_LENGTH_MAX + 1)])
def test_text_that_cannot_stand_in_a_path_is_no_item(item: str) -> None:
    assert not names.is_item(item)


@pytest.mark.parametrize("feed", ["\n", "\r", "\r\n"])
def test_text_with_a_line_feed_at_its_end_is_never_valid(feed: str) -> None:
    assert not names.is_name("store-1" + feed)
    assert not names.is_item("cola" + feed)
    assert not names.is_scope("store-1" + feed)
    assert not names.is_scope("*" + feed)
    assert not names.is_writer("store-1#0000000a" + feed)
    assert not names.is_account("store-1/free" + feed)
    assert not names.is_account("transit.9" + feed)
    with pytest.raises(Invalid):
        names.parse_key("order-1" + feed)


@pytest.mark.parametrize("scope", ["*", "@hubs", "store-12"])
def test_locations_the_chain_and_the_hubs_are_scopes(scope: str) -> None:
    assert names.is_scope(scope)


@pytest.mark.parametrize("scope", ["", "**", "@stores", "Store"])
def test_nothing_else_is_a_scope(scope: str) -> None:
    assert not names.is_scope(scope)


def test_a_writer_consists_of_its_node_and_incarnation() -> None:
    writer = names.writer_of("store-12", "00c0ffee")
    assert writer == "store-12#00c0ffee"
    assert names.is_writer(writer)
    assert names.node_of(writer) == "store-12"


@pytest.mark.parametrize("writer", ["", "store-12", "store-12#", "#00c0ffee", "store-12#xyz", "a#00c0ffee#00c0ffee"])
def test_text_without_a_node_or_an_incarnation_is_no_writer(writer: str) -> None:
    assert not names.is_writer(writer)


def test_an_internal_account_consists_of_its_owner_and_bucket() -> None:
    held = names.account("hub-east", "campaign.618")
    assert held == "hub-east/campaign.618"
    assert names.is_account(held)
    assert names.is_internal(held)
    assert names.owner_of(held) == "hub-east"
    assert names.bucket_of(held) == "campaign.618"


@pytest.mark.parametrize("outside", [*names.OUTSIDE, "transit.t9"])
def test_an_external_account_has_no_owner_and_no_bucket(outside: str) -> None:
    assert names.is_account(outside)
    assert not names.is_internal(outside)
    assert names.owner_of(outside) is None
    assert names.bucket_of(outside) == ""


@pytest.mark.parametrize(
    "longest",
    [
        names.account(LONGEST, names.QUARANTINE),
        channel_account(LONGEST, LONGEST),
        names.TRANSIT + LONGEST,
    ],
)
def test_account_that_is_composed_of_the_longest_names_is_an_account(longest: str) -> None:
    assert names.is_account(longest)


@pytest.mark.parametrize("text", ["", "somewhere", "transit.", "/free", "a/", "a/b/c", "A/free", "a/Free", "a/ free"])
def test_other_text_is_no_account(text: str) -> None:
    assert not names.is_account(text)


@pytest.mark.parametrize("variant", range(0x80, 0xC0))
def test_a_uuid_of_any_variant_byte_is_stored_as_its_bytes(variant: int) -> None:
    text = UUID_TEXT.replace("-bc", f"-{variant:x}")
    assert names.parse_key(text) == bytes.fromhex(text.replace("-", ""))


@pytest.mark.parametrize("spelt", [UUID_TEXT, UUID_TEXT.upper(), f'"{UUID_TEXT}"'])
def test_a_uuid_in_any_spelling_is_stored_as_its_bytes(spelt: str) -> None:
    assert names.parse_key(spelt) == bytes.fromhex(UUID_TEXT.replace("-", ""))
    assert names.key_text(names.parse_key(spelt)) == UUID_TEXT


@pytest.mark.parametrize("length", [1, 15, 16, 17, 128])
def test_a_key_that_is_no_uuid_is_shown_as_it_was_written(length: int) -> None:
    text = ("till-7-" + "0" * length)[-length:]
    assert names.key_text(names.parse_key(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "00000000-0000-0000-0000-000000000000",
        UUID_TEXT.replace("-bcce-", "-7cce-"),
        UUID_TEXT.replace("0", "g"),
        UUID_TEXT.replace("-", "_"),
    ],
)
def test_text_that_only_looks_like_a_uuid_is_stored_as_text(text: str) -> None:
    assert names.parse_key(text) == text.encode()
    assert names.key_text(names.parse_key(text)) == text


def test_a_quoted_key_and_the_bare_text_are_one_key() -> None:
    assert names.parse_key('"till-3/000042"') == names.parse_key("till-3/000042") == b"till-3/000042"


@pytest.mark.parametrize("text", ["", '""', "a b", "a\tb", "ключ", "k" * (KEY_LENGTH_MAX + 1), "void:1", "given:1"])
def test_the_refusal_of_an_invalid_key_has_the_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        names.parse_key(text)
    assert refused.value.field == "Idempotency-Key"


def test_the_refusal_of_a_key_has_the_given_field() -> None:
    with pytest.raises(Invalid) as refused:
        names.parse_key("", "sales[3].key")
    assert refused.value.field == "sales[3].key"


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=KEY_LENGTH_MAX))
def test_every_key_reads_back_as_written(text: str) -> None:
    bare = text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text
    assume(not bare.startswith((names.VOID_KEY, names.GIVEN_KEY)))
    stored = names.parse_key(text)
    assert names.key_text(stored) == bare or names.key_text(stored) == bare.lower()


@given(st.uuids(), st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=16, max_size=16))
def test_a_uuid_and_a_text_of_16_characters_never_collide(uuid: object, text: str) -> None:
    assert names.parse_key(str(uuid)) != names.parse_key(text)


@given(st.binary(max_size=KEY_LENGTH_MAX))
def test_every_key_of_a_peer_has_a_text(key: bytes) -> None:
    assert isinstance(names.key_text(key), str)


uuid_texts = st.uuids().map(str) | st.uuids().map(lambda uuid: str(uuid).upper())
odd_texts = st.sampled_from(
    ["", "till-1", UUID_TEXT[:-1], UUID_TEXT + "0", f'"{UUID_TEXT}"', "0" * 36, "-" * 36, UUID_TEXT.replace("-", " ")]
) | st.text("0123456789abcdef- \u0663", min_size=36, max_size=36)


@given(st.lists(uuid_texts, max_size=5), st.lists(uuid_texts | odd_texts, max_size=3))
def test_uuids_parsed_together_equal_uuids_parsed_one_by_one(plain: list[str], more: list[str]) -> None:
    texts = [*plain, *more]
    together = names.parse_uuids(texts)
    if together is not None:
        assert together == [names.parse_key(text) for text in texts]
    else:
        assert not texts or any(not is_plain_uuid(text) for text in texts)


def is_plain_uuid(text: str) -> bool:
    try:
        return len(text) == 36 and len(names.parse_key(text)) == 16
    except Invalid:
        return False


@given(key=st.binary(max_size=128), index=st.integers(0, 999))
def test_key_of_a_part_is_no_key_of_a_caller(key: bytes, index: int) -> None:
    part = names.part_key(key, index)
    assert len(part) == 16
    assert names.parse_key(names.key_text(part)) != part


KEYS = st.text('"ab:!~ é', max_size=5) | st.builds(
    str.__add__, st.sampled_from(["void:", "given:", '"void:', "voi", '"', ""]), st.from_regex(r"[!-~]{126,131}")
)


@given(text=KEYS | KEYS.map('"{}"'.format))
def test_pattern_of_keys_matches_exactly_the_keys_that_are_taken(text: str) -> None:
    is_taken = True
    try:
        names.parse_key(text)
    except Invalid:
        is_taken = False
    assert bool(re.search(names.KEY_PATTERN, text)) == is_taken or "\n" in text


PLAIN = [f"{number:08x}-0000-4000-8000-{number:012x}" for number in range(3)]


def test_many_plain_uuids_are_read_at_once() -> None:
    assert names.parse_uuids(PLAIN) == [names.parse_key(text) for text in PLAIN]
    assert names.parse_uuids(PLAIN[:1]) == [names.parse_key(PLAIN[0])]
    assert names.key_text(names.parse_key(PLAIN[0])) == PLAIN[0]


@pytest.mark.parametrize(
    "odd",
    [
        "till-3/000042",
        PLAIN[0].replace("-8000-", "-0000-"),
        PLAIN[0].replace("-8000-", "-c000-"),
        PLAIN[0].replace("-8000-", "8000--"),
        PLAIN[0].replace("-", "0", 1),
        PLAIN[0] + "0",
        PLAIN[0] + " ",
        PLAIN[0][:-1],
        "g" + PLAIN[0][1:],
    ],
)
def test_keys_are_not_read_at_once_if_one_is_no_plain_uuid(odd: str) -> None:
    assert names.parse_uuids([*PLAIN, odd]) is None
    assert names.parse_uuids([]) is None


def test_the_key_of_a_part_is_the_same_in_every_release_and_no_callers_uuid() -> None:
    key = names.part_key(b"till-3/000042", 1)
    assert key.hex() == "212b877e8e8a5a19fc15b445524f3816"
    assert key[8] >= 0xC0
