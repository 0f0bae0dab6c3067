"""The OpenAPI 3.1 document of a node, made from the same table of operations as its routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from replica.runtime.http.operations import KEY_HEADER, Operation
from replica.runtime.http.problems import PROBLEM_TYPES

_variable = re.compile(r"\{(\w+)(?::[^}]*)?\}")

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
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schema_of = {id(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = _variable.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _describe(operation, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {"schemas": {**components, "Problem": _PROBLEM}},
    }


def _describe(operation: Operation, schema_of: dict[int, Any]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _variable.findall(operation.path)
    ]
    parameters += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in operation.query]
    if operation.is_write:
        parameters.append({"name": KEY_HEADER, "in": "header", "required": True, "schema": {"type": "string"}})
    success: dict[str, Any] = {"description": operation.summary}
    if operation.answer is not None:
        success["content"] = {"application/json": {"schema": schema_of[id(operation.answer)]}}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    described: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            str(operation.status): success,
            "4XX": {"description": "The node refused the request: nothing happened.", "content": problem},
            "5XX": {
                "description": "The node could not process the request. Retry with the same idempotency key.",
                "content": problem,
            },
        },
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema_of[id(operation.body)]}},
        }
    return described
