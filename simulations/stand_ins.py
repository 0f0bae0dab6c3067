"""Stand-ins: an attribute of a module, class or function has another value for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def replaced(owner: Any, name: str, stand_in: object) -> Iterator[None]:
    """Give an attribute another value while the context lasts. Raises AttributeError if it does not exist."""
    original = getattr(owner, name)
    setattr(owner, name, stand_in)
    try:
        yield
    finally:
        setattr(owner, name, original)
