"""What a JSON body may look like beyond its type: a byte order mark, whole numbers as `2.0`, and no doubled names.

RFC 8259 leaves open what `{"sku":"a","sku":"b"}` means, and parsers differ. The node refuses it instead of a guess.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from replica.core.base.errors import Invalid
from replica.runtime.http.problems import Malformed, joined

_MARK = b"\xef\xbb\xbf"

_OTHER_ENCODINGS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
"""Encodings by the mark at the start of a text. A longer mark comes first."""

WHOLE_MAX = 2**53
"""The greatest number up to which each whole number is exact as a float."""

_encode = msgspec.json.Encoder().encode


def without_mark(body: bytes) -> bytes:
    """Return a body without the byte order mark of UTF-8, which some editors and libraries write."""
    return body.removeprefix(_MARK)


def check_encoding(body: bytes, at: str) -> None:
    """Raise Malformed if the body, which is not JSON in UTF-8, is in another encoding of Unicode."""
    name = next((name for mark, name in _OTHER_ENCODINGS.items() if body.startswith(mark)), None)
    if name is None and b"\0" in body[:4]:
        name = "UTF-16 or UTF-32"
    if name is not None:
        raise Malformed(f"{at or 'The body'} is in {name}, not in UTF-8.", field=at or "body")


def fitted(value: Any, kind: Any) -> Any:
    """Convert decoded JSON to a type. Where it needs a whole number, `2.0` is one. Raises msgspec.ValidationError."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        if not needs_whole_number(error):
            raise
    return msgspec.convert(with_whole_numbers(value), kind)


def decoded_with_floats(body: bytes, kind: Any) -> Any:
    """Decode a body in which a whole number may be written as a float. Raises msgspec.MsgspecError."""
    try:
        value = msgspec.json.decode(body)
    except msgspec.ValidationError:  # a number beyond each float: find its field
        try:
            value = json.loads(body, parse_int=float)
        except json.JSONDecodeError as error:  # msgspec stopped at the number, before the fault
            raise msgspec.DecodeError(str(error)) from None
        fitted(value, kind)
        raise
    return fitted(value, kind)


def needs_whole_number(error: msgspec.ValidationError) -> bool:
    """Whether a type has a float where it needs something else."""
    return "got `float`" in str(error)


def with_whole_numbers(value: Any) -> Any:
    """Return decoded JSON in which each whole number that is a float is an int; JSON has only one kind of number.

    A float beyond WHOLE_MAX stays a float, because nobody knows which whole number its writer meant.
    """
    match value:
        case float():
            return int(value) if value.is_integer() and abs(value) <= WHOLE_MAX else value
        case dict():
            return {name: with_whole_numbers(inner) for name, inner in value.items()}
        case list():
            return [with_whole_numbers(inner) for inner in value]
        case _:
            return value


@cache
def is_lean(kind: Any) -> bool:
    """Whether a value of this type encodes to exactly the names that its body gives, except those with a default."""
    return all(_is_lean(each) for each in _types_in(inspect.type_info(kind)))


@cache
def has_parts(kind: Any) -> bool:
    """Whether a type leaves parts of its body undecoded. Their reader checks them one by one."""
    return any(isinstance(each, inspect.RawType) for each in _types_in(inspect.type_info(kind)))


def _is_lean(each: inspect.Type) -> bool:
    if isinstance(each, inspect.StructType):
        has_defaults = any(not field.required for field in each.fields)
        return each.forbid_unknown_fields and (not has_defaults or each.cls.__struct_config__.omit_defaults)
    return not isinstance(each, inspect.RawType)


def _types_in(each: Any) -> Iterator[inspect.Type]:
    yield each
    for name in each.__struct_fields__:
        inner = getattr(each, name)
        for one in inner if isinstance(inner, tuple) else (inner,):
            if isinstance(one, inspect.Field):
                yield from _types_in(one.type)
            elif isinstance(one, inspect.Type):
                yield from _types_in(one)


def is_surely_unique(body: bytes, value: object) -> bool:
    """Whether no object of a body has a name twice, by a count of the names. False: only a full look can tell.

    `value`: what the body decodes to; its type is lean. Decoding drops the first of two equal names. So if the value
    has as many names as the body, none was dropped. In the body, `":` ends each name and is nowhere else if there is
    no backslash, and no blank before a colon.
    """
    names = body.count(b'":')
    if b"\\" in body or (names != body.count(b":") and _has_blank_before_colon(body)):
        return False
    return names == _encode(value).count(b'":')


def _has_blank_before_colon(body: bytes) -> bool:
    """Whether a blank stands before a colon, which is then the end of a name or in a text."""
    return any(pair in body for pair in (b" :", b"\n:", b"\t:", b"\r:"))


class _Doubled(str):
    """A name that an object has twice."""


def check_unique(body: bytes, at: str, *, outermost_only: bool = False) -> None:
    """Raise Invalid with the path of a name that an object of the body has twice. The body is valid JSON.

    `outermost_only`: the caller checks what is inside separately.
    """
    found = json.loads(
        body.decode("utf-8", "surrogateescape"), object_pairs_hook=_object, parse_int=str, parse_float=str
    )
    path = found if isinstance(found, _Doubled) else None if outermost_only else _path_of_doubled(found)
    if path is not None:
        field = joined(at, path)
        raise Invalid(f"The field {field} is given twice in one object. Give it once.", field=field)


def _object(pairs: list[tuple[str, Any]]) -> Any:
    names = dict(pairs)
    if len(names) == len(pairs):
        return names
    for name, _ in pairs:
        if name not in names:
            return _Doubled(name)
        del names[name]
    return None


def _path_of_doubled(value: Any) -> str | None:
    match value:
        case _Doubled():
            return str(value)
        case dict():
            inside: Iterable[tuple[str, Any]] = value.items()
        case list():
            inside = ((f"[{index}]", inner) for index, inner in enumerate(value))
        case _:
            return None
    for step, inner in inside:
        path = _path_of_doubled(inner)
        if path is not None:
            return joined(step, path)
    return None
