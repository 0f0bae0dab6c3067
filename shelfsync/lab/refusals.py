"""Refusals of the lab as problem documents, like those of nodes.

The table of all problems imports most of a node. So it is imported at the first refusal, not at each start of a demo.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from replica.core.base.errors import Invalid, Refused


class MethodNotAllowed(Refused):
    """The path does not support the method."""

    kind = "method-not-allowed"


def refusal(refused: Refused) -> web.Response:
    """The response of a refusal."""
    from replica.runtime.http.problems import problem_response

    return problem_response(refused)


def invalid_body(error: msgspec.DecodeError) -> Invalid:
    """The refusal of a body that cannot be decoded, with the field to correct."""
    from replica.runtime.http.problems import invalid_from

    return invalid_from(error)
