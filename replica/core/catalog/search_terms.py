"""Words and characters by which SKUs are searched.

A text is folded (NFKC, case, accents of Latin letters) and divided into words and runs. A run has characters of scripts
that are written without blanks between words: Han, Kana, Bopomofo, Thai, Lao, Khmer, Myanmar. The index has each word,
each two neighbours of a run, and the last character of each run. So every substring of a run can be found:

    可口可乐 → 可口 口可 可乐 乐     one character: those that begin with it; two: that pair; more: all their pairs

Pairs say nothing of their order, so `matches` looks again at what a longer query found. A word of a query finds the
words that begin with it, because somebody is typing.

The index is SQLite's FTS5. Its tokenizer `ascii` keeps the tokens as they are: they have no ASCII character except
letters and digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from msgspec import MsgspecError, Struct
from msgspec.msgpack import Decoder

from replica.core.base.errors import Invalid
from replica.core.base.limits import SEARCH_TERMS_MAX, TEXT_LENGTH_MAX, TOKEN_LENGTH_MAX

VERSION = f"1/{unicodedata.unidata_version}"
"""Changes if the tokens of a text do, also with the Unicode version of this Python. Then an index is built again."""

_RUN = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e50-\u0e59"  # Thai
    "\u0e80-\u0eff"  # Lao
    "\u1000-\u1049\u1050-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17d3\u17d7\u17dc\u17dd\u17e0-\u17e9"  # Khmer
    "\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\U0001aff0-\U0001b16f"  # Hiragana, Katakana
    "\u3105-\u312f\u31a0-\u31bf"  # Bopomofo
    "\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3038-\u303b"  # Han: radicals, numerals, marks
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
)

_PARTS = re.compile(f"([{_RUN}]+)|([^ {_RUN}]+)")

_IN_RUN = re.compile(f"[{_RUN}]")

_MAYBE_ACCENTED = re.compile("[\u00c0-\u024f\u0300-\u036f\u1e00-\u1eff]")
"""Characters of texts with accented Latin letters. Others are folded in a shorter way, with the same result."""

_ACCENTED = re.compile("([a-z])[\u0300-\u036f]+")


class _Separators(dict[int, int]):
    """What each character becomes: itself if it is a letter, mark or digit, or part of a run, and else a blank."""

    def __missing__(self, code: int) -> int:
        character = chr(code)
        is_kept = unicodedata.category(character)[0] in "LMN" or _IN_RUN.match(character) is not None
        found = self[code] = code if is_kept else ord(" ")
        return found


_SEPARATORS = _Separators()
"""Filled by use; at most as large as Unicode."""


class Searchable(Struct, frozen=True):
    """The fields of a `sku` document by which it is searched."""

    names: dict[str, str] = {}
    attributes: dict[str, str | int | float | bool] = {}
    status: str = "active"


_DECODER = Decoder(Searchable)


class Terms(Struct, frozen=True):
    """What a query looks for: all of these."""

    words: tuple[str, ...] = ()
    """Beginnings of words."""
    runs: tuple[str, ...] = ()
    """Substrings of runs."""

    @property
    def is_limiting(self) -> bool:
        """Whether it looks for anything. Otherwise every SKU fits."""
        return bool(self.words or self.runs)

    @property
    def is_exact(self) -> bool:
        """Whether the index alone decides. If not, `matches` has to look at what it found."""
        return all(len(run) <= 2 for run in self.runs) and all(len(word) < TOKEN_LENGTH_MAX for word in self.words)


def read_searchable(value: bytes | None) -> Searchable | None:
    """Read the packed value of a `sku` document. None if there is none, or this version cannot read it."""
    if value is None:
        return None
    try:
        return _DECODER.decode(value)
    except (ValueError, RecursionError, MsgspecError):
        return None


def texts_of(sku: str, document: Searchable) -> list[str]:
    """The texts by which a SKU is found: its own name, those by language, and attributes except yes and no."""
    attributes = [str(value) for value in document.attributes.values() if not isinstance(value, bool)]
    return [sku, *document.names.values(), *attributes]


def tokens_of(texts: Iterable[str]) -> str:
    """The tokens of some texts for the index, each once, with blanks between them."""
    found: dict[str, None] = {}
    for text in texts:
        for run, word in _parts(text):
            if word:
                found[word[:TOKEN_LENGTH_MAX]] = None
            else:
                found.update(dict.fromkeys(_pairs(run)))
                found[run[-1]] = None
    return " ".join(found)


def read_terms(query: str, field: str = "q") -> Terms:
    """Read what somebody typed.

    Raises:
        Invalid: the query is too long, has too many words, or no letter or digit. It names the field.
    """
    if len(query) > TEXT_LENGTH_MAX:
        text = f"The field {field} has {len(query)} characters. A search has at most {TEXT_LENGTH_MAX}."
        raise Invalid(text, field=field)
    parts = _parts(query)
    words = tuple(dict.fromkeys(word for _, word in parts if word))
    runs = tuple(dict.fromkeys(run for run, _ in parts if run))
    if not parts:
        raise Invalid(f"The field {field} has no letter or digit to search for.", field=field)
    if len(words) + len(runs) > SEARCH_TERMS_MAX:
        text = f"The field {field} has {len(words) + len(runs)} words. A search has at most {SEARCH_TERMS_MAX}."
        raise Invalid(text, field=field)
    return Terms(words, runs)


def match_expression(terms: Terms) -> str:
    """The terms as an expression of FTS5, for an index with `detail=none` and prefixes of 1, 2 and 3 characters."""
    found: dict[str, None] = {}
    for word in terms.words:
        found[f'"{word[:TOKEN_LENGTH_MAX]}"*'] = None
    for run in terms.runs:
        if len(run) == 1:
            found[f'"{run}"*'] = None
        for pair in _pairs(run):
            found[f'"{pair}"'] = None
    return " AND ".join(found)


def matches(terms: Terms, texts: Iterable[str]) -> bool:
    """Whether each term is in one of the texts. They need not be in the same one, nor in the order of the query."""
    spaced = [_spaced(text) for text in texts]
    if not all(any(run in text for text in spaced) for run in terms.runs):
        return False
    if not terms.words:
        return True
    words = dict.fromkeys(word for text in spaced for _, word in _PARTS.findall(text))
    return all(any(one.startswith(word) for one in words) for word in terms.words)


def fold(text: str) -> str:
    """The text as it is compared: compatible characters, case and the accents of Latin letters do not matter."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text).casefold()
    if _MAYBE_ACCENTED.search(folded) is not None:
        folded = _ACCENTED.sub(r"\1", unicodedata.normalize("NFKD", folded))
    return unicodedata.normalize("NFKC", folded)


def _parts(text: str) -> list[tuple[str, str]]:
    """Runs and words in order: `(run, "")` or `("", word)`."""
    return _PARTS.findall(_spaced(text))


def _spaced(text: str) -> str:
    """The text folded, with blanks between its words and runs where it has other characters."""
    return fold(text).translate(_SEPARATORS)


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]
