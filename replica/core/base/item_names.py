"""Names of items that are so much alike that one may be a misspelling of the other.

Two names are alike if they differ only in case and separators, or by a slip of the finger in one of their words. Names
whose digits differ are different on purpose: `cola_1l` and `cola_2l`. So are short words, such as the sizes `l` and
`xl`, and words with digits, such as `0a` and `0b`.
See docs/decisions/0017-names-in-recipes.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

_WORD_LENGTH_MIN = 5
"""Letters in the longer one of two words that may be one word with a slip: `cola` and `colla`, but not `l` and `xl`."""

_TWO_SLIPS_LENGTH_MIN = 8
"""The same for two slips."""

_LENGTH_DIFFERENCE_MAX = 2
"""Letters or separators that one of two names may have more: as many as slips. It also keeps the search short."""

_SUGGESTIONS_MAX = 3

_COMPARED_MAX = 128
"""Names with nearly the same letters that are compared in full, so that a look never takes long."""

_LETTERS_APART_MAX = 4
"""Letters that only one of two names has, if they are two slips apart: each slip replaces one by another."""

_separators = re.compile(r"[^0-9a-z]+")
_letters = re.compile(r"[^0-9]+")


class ItemNames:
    """Names of items, sorted into groups, so that the names like another one are found among few."""

    __slots__ = ("_groups",)

    def __init__(self) -> None:
        self._groups: dict[str, str | dict[str, int]] = {}
        """The only name of a group, or the letters of each of several, 0 until the first look at them.

        Names with numbers mostly have a group of their own, and a dictionary of one name takes 200 bytes.
        """

    def __contains__(self, item: str) -> bool:
        known = self._groups.get(_group(item, len(item)), ())
        return known == item if isinstance(known, str) else item in known

    def add(self, item: str) -> None:
        """Note a name."""
        group = _group(item, len(item))
        known = self._groups.setdefault(group, item)
        if isinstance(known, dict):
            known.setdefault(item, 0)
        elif known != item:
            self._groups[group] = {known: 0, item: 0}

    def discard(self, item: str) -> None:
        """Forget a name."""
        group = _group(item, len(item))
        known = self._groups.get(group)
        if isinstance(known, dict):
            known.pop(item, None)
            if len(known) == 1:
                (self._groups[group],) = known
        elif known == item:
            del self._groups[group]

    def like(self, item: str) -> list[str]:
        """The names that are like another name: the closest first, at most three."""
        found = [name for name in islice(self._near(item), _COMPARED_MAX) if are_alike(item, name)]
        return closest(item, found)

    def _near(self, item: str) -> Iterator[str]:
        """The other names of nearly the same length with nearly the same letters. Each name costs 0.1 µs."""
        letters, length = _letters_of(item), len(item)
        for difference in range(-_LENGTH_DIFFERENCE_MAX, _LENGTH_DIFFERENCE_MAX + 1):
            group = self._groups.get(_group(item, length + difference), {})
            if isinstance(group, str):
                if group != item:
                    yield group
                continue
            for name, noted in group.items():
                known = noted
                if not known:
                    known = group[name] = _letters_of(name)
                if (known ^ letters).bit_count() <= _LETTERS_APART_MAX and name != item:
                    yield name


def closest(item: str, names: Iterable[str]) -> list[str]:
    """The three of some names that are closest to another one, in order."""
    return sorted(dict.fromkeys(names), key=lambda name: (_distance(item, name, len(item)), name))[:_SUGGESTIONS_MAX]


def are_alike(one: str, other: str) -> bool:
    """Whether one of two different names may be a misspelling of the other."""
    if abs(len(one) - len(other)) > _LENGTH_DIFFERENCE_MAX:
        return False
    one, other = one.lower(), other.lower()
    if _letters.sub(" ", one).split() != _letters.sub(" ", other).split():
        return False
    if _separators.sub("", one) == _separators.sub("", other):
        return True
    words = list(_differing(_separators.split(one), _separators.split(other)))
    if len(words) != 1:
        return False
    ((word, other_word),) = words
    if not (word.isalpha() and other_word.isalpha()):
        return False
    longer = max(len(word), len(other_word))
    slips = 2 if longer >= _TWO_SLIPS_LENGTH_MIN else 1
    return longer >= _WORD_LENGTH_MIN and _distance(word, other_word, slips) <= slips


def _group(item: str, length: int) -> str:
    """Names of this length that are like an item are in one group: the same digits, and rarely another first letter."""
    return f"{_letters.sub('', item)}{item[:1].lower()} {length}"


def _letters_of(item: str) -> int:
    """The set of the letters of a name, one bit each."""
    bits = 1
    for letter in item.lower():
        if letter.isalpha():
            bits |= 2 << (ord(letter) & 31)
    return bits


def _differing(words: list[str], others: list[str]) -> Iterator[tuple[str, str]]:
    if len(words) != len(others):
        return iter([("", ""), ("", "")])
    return ((word, other) for word, other in zip(words, others, strict=True) if word != other)


def _without_common_ends(one: str, other: str) -> tuple[str, str]:
    """Two texts without what both begin with and then both end with. Their distance is the same."""
    start, shorter = 0, min(len(one), len(other))
    while start < shorter and one[start] == other[start]:
        start += 1
    end = 0
    while end < shorter - start and one[-1 - end] == other[-1 - end]:
        end += 1
    return one[start : len(one) - end], other[start : len(other) - end]


def _distance(one: str, other: str, limit: int) -> int:
    """The least number of letters to insert, remove, replace or swap with the next; more than `limit` is not exact."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    one, other = _without_common_ends(one, other)
    before: list[int] = []
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        before, last, row = row, before, [number]
        for place, other_letter in enumerate(other, 1):
            least = min(before[place] + 1, row[-1] + 1, before[place - 1] + (letter != other_letter))
            if number > 1 and place > 1 and letter == other[place - 2] and one[number - 2] == other_letter:
                least = min(least, last[place - 2] + 1)
            row.append(least)
        if min(row) > limit and min(before) >= limit:
            return limit + 1  # no later row has less
    return row[-1]
