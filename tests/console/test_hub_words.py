"""The pages of a hub have words for what the node may show them."""

from __future__ import annotations

import re

from console.third_party import HERE
from replica.core.state.document_kinds import DOCUMENT_KINDS

WORDS = (HERE / "static" / "hub" / "kind_words.mjs").read_text()


def _listed(name: str) -> list[str]:
    found = re.search(rf"export const {name} = \[([^\]]*)\]", WORDS)
    assert found is not None
    return re.findall(r'"(\w+)"', found[1])


def test_page_of_documents_has_words_for_kinds_that_the_node_has() -> None:
    """A kind without words is shown by its name."""
    assert set(_listed("KINDS")) <= set(DOCUMENT_KINDS)


def test_each_kind_with_words_has_a_name_and_says_what_it_is_for() -> None:
    for kind in _listed("KINDS"):
        assert len(re.findall(rf'^  {kind}: \["[^"]+", "[^"]+"\],$', WORDS, re.MULTILINE)) == 2
