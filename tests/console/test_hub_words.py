"""The pages of a hub have words for what the node may show them."""

from __future__ import annotations

import re

from console.third_party import HERE
from replica.core.state.document_kinds import DOCUMENT_KINDS

WORDS = (HERE / "static" / "hub" / "kind_words.mjs").read_text()


def test_page_of_documents_lists_each_kind_of_the_node() -> None:
    listed = re.search(r"export const KINDS = \[([^\]]*)\]", WORDS)

    assert listed is not None
    assert sorted(re.findall(r'"(\w+)"', listed[1])) == sorted(DOCUMENT_KINDS)


def test_each_kind_has_a_name_and_says_what_it_is_for() -> None:
    for kind in DOCUMENT_KINDS:
        assert len(re.findall(rf'^  {kind}: \["[^"]+", "[^"]+"\],$', WORDS, re.MULTILINE)) == 2


def test_pages_offer_ranks_for_the_kinds_that_have_several() -> None:
    ranked = re.search(r"export const RANKED = \[([^\]]*)\]", WORDS)

    assert ranked is not None
    assert re.findall(r'"(\w+)"', ranked[1]) == [name for name, kind in DOCUMENT_KINDS.items() if len(kind.ranks) > 1]
