"""The OpenAPI 3.1 document of a node, made from the same table of operations as its routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec

from replica.core.base.limits import KEY_LENGTH_MAX, NAME_LENGTH_MAX, SCAN_LENGTH_MAX
from replica.core.base.names import ITEM_PATTERN, KEY_PATTERN, NAME_PATTERN
from replica.core.state.document_kinds import DOCUMENT_KINDS
from replica.core.stock.transfer_numbers import NUMBER_PATTERN
from replica.runtime.http.operations import KEY_HEADER, Operation
from replica.runtime.http.problems import PROBLEM_TYPES

_variable = re.compile(r"\{(\w+)(?::[^}]*)?\}")

_ITEM = {"type": "string", "pattern": ITEM_PATTERN, "maxLength": NAME_LENGTH_MAX}

_NAME = {"type": "string", "pattern": NAME_PATTERN, "maxLength": NAME_LENGTH_MAX}

PATH_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "item": (_ITEM, "An item, percent-encoded."),
    "sku": (_ITEM, "A SKU, percent-encoded."),
    "plan": (_ITEM, "The id of a balancing plan, percent-encoded."),
    "order": (_ITEM, "The name of an order, percent-encoded."),
    "location": (_NAME, "A location."),
    "barcode": (
        {"type": "string", "minLength": 1, "maxLength": SCAN_LENGTH_MAX},
        "What a scanner sends: a barcode, an element string or a GS1 Digital Link, percent-encoded.",
    ),
    "transfer": ({"type": "string", "pattern": NUMBER_PATTERN}, "The number of a transfer, as on its label."),
    "kind": ({"type": "string", "enum": [*DOCUMENT_KINDS]}, "The kind of the document."),
    "key": ({"type": "string", "minLength": 1}, "The key of the document, percent-encoded, in the form of its kind."),
}
"""The variables of paths by name: their schemas, and what they are."""

_KEY = {"type": "string", "pattern": KEY_PATTERN, "minLength": 1, "maxLength": KEY_LENGTH_MAX + 2}
"""An idempotency key; the quotes around it do not count."""

_PROBLEM = {
    "type": "object",
    "description": "A problem document (RFC 9457). Its type is one of:\n\n"
    + "\n".join(f"- `{one.type}` ({one.status}): {one.title}" for one in PROBLEM_TYPES.values()),
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "The type of the problem. It does not change."},
        "title": {"type": "string", "description": "The same text for all problems of a type."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What was wrong in this request, and what to do next."},
        "field": {"type": "string", "description": "The field to correct, as the caller wrote it."},
    },
}


def openapi(title: str, version: str, operations: Sequence[Operation]) -> dict[str, Any]:
    """Describe a node's HTTP interface."""
    types = [kind for operation in operations for kind in (operation.body, operation.answer) if kind is not None]
    schemas, components = _schemas_of(tuple(types))
    schema_of = {id(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    at_path: dict[str, list[Operation]] = {}
    for operation in operations:
        at_path.setdefault(_variable.sub(r"{\1}", operation.path), []).append(operation)
    paths: dict[str, dict[str, Any]] = {}
    for path, at in at_path.items():
        reached = [one for other, some in at_path.items() if _covers(other, path) for one in some]
        methods = sorted({"OPTIONS", *(method for operation in reached for method in operation.methods)})
        paths[path] = {operation.method.lower(): _describe(operation, schema_of, methods) for operation in at}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {"schemas": {**components, "Problem": _PROBLEM}},
    }


@cache
def _schemas_of(types: tuple[Any, ...]) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """The schemas of these types, and the components that they refer to.

    Made once, because it takes most of the time in which a node starts, and tests and simulations start many nodes.
    """
    return msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")


def _covers(template: str, path: str) -> bool:
    """Whether a template reaches each path that another one reaches."""
    wide, narrow = template.split("/"), path.split("/")
    return len(wide) == len(narrow) and all(
        _variable.fullmatch(one) or one == other for one, other in zip(wide, narrow, strict=True)
    )


def _describe(operation: Operation, schema_of: dict[int, Any], methods: Sequence[str]) -> dict[str, Any]:
    """Describe one call. `methods`: all methods of its path."""
    described: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation, schema_of, methods),
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema_of[id(operation.body)]}},
        }
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    for name in _variable.findall(operation.path):
        schema, description = PATH_FIELDS[name]
        parameters.append({"name": name, "in": "path", "required": True, "description": description, "schema": schema})
    parameters += [
        {"name": field.name, "in": "query", "description": field.description, "schema": field.schema}
        for field in operation.query
    ]
    if operation.is_write:
        description = "A new key for each write, and the same key for its retries."
        parameters.append(
            {"name": KEY_HEADER, "in": "header", "required": True, "description": description, "schema": _KEY}
        )
    return parameters


def _responses(operation: Operation, schema_of: dict[int, Any], methods: Sequence[str]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": operation.summary}
    if operation.answer is not None:
        success["content"] = {"application/json": {"schema": schema_of[id(operation.answer)]}}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses: dict[str, Any] = dict.fromkeys([str(operation.status), *map(str, operation.also)], success)
    for status in sorted(_refusals(operation)):
        titles = " ".join(one.title for one in PROBLEM_TYPES.values() if one.status == status)
        responses.setdefault(str(status), {"description": titles, "content": problem})
    allowed = ", ".join(methods)
    responses["405"] = {
        **responses["405"],
        "headers": {
            "Allow": {"description": "The methods of the path.", "schema": {"type": "string", "const": allowed}}
        },
    }
    responses["4XX"] = {"description": "The node refused the request: nothing happened.", "content": problem}
    responses["5XX"] = {
        "description": "The node could not process the request. Retry with the same idempotency key.",
        "content": problem,
    }
    return responses


def _refusals(operation: Operation) -> set[int]:
    """The statuses of the refusals that a call can lead to."""
    statuses = {400, 403, 405, 417, 500, 503}
    if _variable.search(operation.path) or operation.query:
        statuses |= {404, 422}
    if any(field.is_cursor for field in operation.query):
        statuses.add(410)  # a cursor of another journal
    if operation.body is not None:
        statuses |= {413, 422}
    if operation.is_write or operation.method != "GET":
        statuses |= {404, 409, 422, 507}
    return statuses
