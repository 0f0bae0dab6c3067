"""The pages of a hub have words for what the node may show them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from console.third_party import HERE
from replica.core.state.document_kinds import DOCUMENT_KINDS
from replica.runtime.http.problems import PROBLEM_TYPES

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


def _hints(schema: Any) -> Iterator[str]:
    """The first paragraph of each description of a field or a part in a schema."""
    if isinstance(schema, dict):
        text = schema.get("description")
        if isinstance(text, str):
            yield " ".join(text.split("\n\n")[0].split())
        for part in schema.values():
            yield from _hints(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _hints(part)


def test_each_hint_of_a_schema_has_a_chinese_text() -> None:
    known = re.findall(
        r'^  ("(?:[^"\\]|\\.)*"):$', (HERE / "static" / "widgets" / "hint_words.mjs").read_text(), re.MULTILINE
    )
    shown = {
        hint
        for kind in DOCUMENT_KINDS.values()
        for hint in _hints(msgspec.json.schema(kind.document))
        if not hint.startswith(("The value of the document", "The document under"))  # a form does not show it
    }
    assert {json.loads(text) for text in known} == shown, "write the Chinese text in widgets/hint_words.mjs"


def _fields(schema: Any) -> Iterator[str]:
    """The names of all fields in a schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties") or {}
        for part in schema.values():
            yield from _fields(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _fields(part)


def test_each_field_of_a_document_has_a_name_in_both_languages() -> None:
    source = (HERE / "static" / "widgets" / "field_words.mjs").read_text()
    known = set(re.findall(r'^  (\w+): \["[^"]+", "[^"]+"\],$', source, re.MULTILINE))
    fields = {name for kind in DOCUMENT_KINDS.values() for name in _fields(msgspec.json.schema(kind.document))}
    assert fields - known == set(), "write their names in widgets/field_words.mjs"


def test_each_type_of_problem_has_a_title_in_both_languages() -> None:
    source = (HERE / "static" / "widgets" / "problems.mjs").read_text()
    known = set(re.findall(r'^  "?([a-z-]+)"?: \[', source.partition("/** The title")[0], re.MULTILINE))
    unshown = {
        "malformed-request",
        "unsupported-encoding",
        "expectation-failed",
        "method-not-allowed",
        "caller-left",
        "refused",
    }
    assert set(PROBLEM_TYPES) - known == unshown, "no page causes these"
