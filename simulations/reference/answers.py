"""What an answer must look like, and how a real answer is compared with it.

An expected body is plain JSON. Where the node chooses a value itself, it has a `Chosen`: the first answer that shows
the value fixes it, and each later answer must show the same. So a repeated request gets the first answer again, and
the journal shows the hash that the answer to a write named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

STATUS = {
    "invalid-request": 422,
    "malformed-json": 400,
    "not-found": 404,
    "unknown-location": 404,
    "unknown-sku": 404,
    "barcode-conflict": 409,
    "cursor-unknown": 410,
    "idempotency-key-reused": 422,
    "insufficient-rights": 409,
    "invalid-transition": 409,
    "not-hosted": 409,
    "not-owner": 409,
    "order-ended": 409,
    "order-exists": 409,
    "overtaken": 503,
    "overloaded": 503,
    "stopping": 503,
    "storage-full": 507,
}
"""The HTTP status of each type of problem."""


@dataclass(frozen=True)
class Answer:
    """A status and a JSON body."""

    status: int
    body: Any


class Refusal(Exception):
    """Nothing happened. `field` names what to correct, as the caller wrote it; `facts` are further fields."""

    def __init__(self, kind: str, field: str | None = None, **facts: Any) -> None:
        super().__init__(f"{kind} {field}")
        self.kind = kind
        self.field = field
        self.facts = facts

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document (RFC 9457)."""
        document = {"type": self.kind, "title": SENTENCE, "status": STATUS[self.kind], "detail": SENTENCE}
        return {**document, **({"field": self.field} if self.field is not None else {}), **self.facts}

    @property
    def answer(self) -> Answer:
        """The answer to the request that is refused."""
        return Answer(STATUS[self.kind], self.problem)


@dataclass(eq=False)
class Chosen:
    """A value that the node chooses once. `fits` says which values it may choose."""

    what: str
    fits: Callable[[Any], bool]
    value: Any = None

    def __repr__(self) -> str:
        return f"<{self.what}{'' if self.value is None else f' {self.value}'}>"


@dataclass(frozen=True)
class AnyThat:
    """A value that may differ from answer to answer."""

    what: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True)
class Maybe:
    """A member of an object that may be left out."""

    value: Any


def _is_sentence(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


SENTENCE = AnyThat("a sentence", _is_sentence)
ANYTHING = AnyThat("anything", lambda value: True)


def numbers(of: Mapping[str, int]) -> AnyThat:
    """The number of entries of each writer. A writer of which there are none may be left out."""

    def fits(value: Any) -> bool:
        return isinstance(value, dict) and _without_zeros(value) == _without_zeros(of)

    return AnyThat(f"the numbers {of}", fits)


def in_any_order(of: list[Any]) -> AnyThat:
    """These values, in any order."""

    def fits(value: Any) -> bool:
        return isinstance(value, list) and sorted(map(str, value)) == sorted(map(str, of))

    return AnyThat(f"{of} in any order", fits)


def _without_zeros(of: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in of.items() if number}


_hash = re.compile(r"[0-9a-f]{32}")


def chosen_hash() -> Chosen:
    """The permanent name of an entry: 32 hexadecimal digits."""
    return Chosen("hash", lambda value: isinstance(value, str) and bool(_hash.fullmatch(value)))


def difference(expected: Any, shown: Any, at: str = "") -> str:
    """Where an answer differs from the expected one, in words; empty if it fits."""
    match expected:
        case Chosen() if expected.value is None:
            if not expected.fits(shown):
                return f"{at or 'body'} is {shown!r}, which is no {expected.what}"
            expected.value = shown
            return ""
        case Chosen():
            return difference(expected.value, shown, at)
        case AnyThat():
            return "" if expected.fits(shown) else f"{at or 'body'} is {shown!r}, not {expected.what}"
        case dict():
            return _difference_of_objects(expected, shown, at)
        case list() | tuple():
            if not isinstance(shown, list) or len(shown) != len(expected):
                return f"{at or 'body'} is {shown!r}, not {plain(expected)!r}"
            found = (
                difference(one, two, f"{at}[{n}]") for n, (one, two) in enumerate(zip(expected, shown, strict=True))
            )
            return next(filter(None, found), "")
    is_equal = type(expected) is type(shown) and expected == shown
    return "" if is_equal else f"{at or 'body'} is {shown!r}, not {expected!r}"


def _difference_of_objects(expected: Mapping[str, Any], shown: Any, at: str) -> str:
    if not isinstance(shown, dict):
        return f"{at or 'body'} is {shown!r}, not {plain(expected)!r}"
    for name, value in expected.items():
        path = f"{at}.{name}" if at else name
        if name not in shown:
            if isinstance(value, Maybe):
                continue
            return f"{path} is missing: {plain(value)!r} was expected in {shown!r}"
        found = difference(value.value if isinstance(value, Maybe) else value, shown[name], path)
        if found:
            return found
    surplus = [name for name in shown if name not in expected]
    return f"{at or 'body'} has {surplus[0]} = {shown[surplus[0]]!r}, which was not expected" if surplus else ""


def plain(expected: Any) -> Any:
    """An expected body for a message."""
    match expected:
        case Chosen():
            return expected.value if expected.value is not None else f"<{expected.what}>"
        case AnyThat():
            return f"<{expected.what}>"
        case Maybe():
            return plain(expected.value)
        case dict():
            return {name: plain(value) for name, value in expected.items()}
        case list() | tuple():
            return [plain(value) for value in expected]
    return expected


@dataclass(frozen=True)
class Request:
    """One HTTP request. `body` is the text as sent; empty if there is none."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    key: str | None = None
    """The header `Idempotency-Key`."""
