"""The API's description of itself: the OpenAPI document, and what its page shows of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask_smorest import Api

from connector.api.problems import CONTENT_TYPE, Problem
from connector.api.resource import Resource
from connector.people.roles import LEAST_ROLES, Permission

Json = dict[str, Any]
VERSION = "1"
ABOUT = (
    "What the console does, for programs. Amounts appear twice: whole numbers of minor units, and decimal text; never "
    "as a number with a fraction. Instants are ISO 8601 in UTC. Lists go on with `cursor`. A refusal is "
    "`application/problem+json` with a sentence and, where there is one, a remedy."
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as the page shows it."""

    method: str
    path: str
    anchor: str
    summary: str
    description: str
    permission: str
    roles: str
    parameters: list[Json]
    body: list[Json]
    answers: list[Json]


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of one resource."""

    name: str
    description: str
    operations: list[Operation]


class _QuietApi(Api):  # type: ignore[misc]
    """Leaves the error handlers of the application alone: its pages have some of their own."""

    ERROR_SCHEMA = Problem

    def _register_error_handlers(self) -> None:
        return


class Description:
    """The OpenAPI document of an application, made when it is first asked for: a start does not wait for it."""

    def __init__(self, app: Flask, resources: Sequence[Resource]) -> None:
        self._app = app
        self._resources = resources
        self._lock = threading.Lock()
        self._made: Json | None = None

    @property
    def document(self) -> Json:
        """The document. Do not change it."""
        with self._lock:
            if self._made is None:
                self._made = _described(self._spec())
            return self._made

    def _spec(self) -> Json:
        self._app.config.update(
            API_TITLE="Invoice financing connector",
            API_VERSION=VERSION,
            OPENAPI_VERSION="3.0.3",
            OPENAPI_URL_PREFIX=None,
        )
        api = _QuietApi(self._app)
        for resource in self._resources:
            resource.register_views_in_doc(
                api, self._app, api.spec, name=resource.name, parameters=None
            )
            api.spec.tag({"name": resource.name, "description": resource.description})
        found: Json = api.spec.to_dict()
        return found


def _described(document: Json) -> Json:
    """What flask-smorest knows, and what only we do."""
    document["info"]["description"] = ABOUT
    # The identifier in the licence field is OpenAPI 3.1's; 3.0 has the name alone.
    document["info"]["license"] = {"name": "Apache-2.0"}
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token, as `connector token new` or an admin makes it.",
        }
    }
    document["security"] = [{"token": []}]
    for response in components.get("responses", {}).values():
        content = response.get("content", {})
        if "application/json" in content:
            response["content"] = {CONTENT_TYPE: content["application/json"]}
    document["tags"] = [{**tag, "name": _tag(tag["name"])} for tag in document.get("tags", [])]
    for path, method, operation in _each(document):
        operation["tags"] = [_tag(tag) for tag in operation.get("tags", [])]
        operation["operationId"] = _operation_id(method, path)
        operation["responses"].setdefault(
            "default", {"$ref": "#/components/responses/DEFAULT_ERROR"}
        )
    return document


def operations(document: Json) -> list[Group]:
    """What the page lists, by resource."""
    groups = {
        tag["name"]: Group(tag["name"], tag.get("description", ""), []) for tag in document["tags"]
    }
    for path, method, operation in _each(document):
        need = Permission(operation["x-permission"])
        groups[operation["tags"][0]].operations.append(
            Operation(
                method=method.upper(),
                path=path,
                anchor=operation["operationId"],
                summary=operation.get("summary", ""),
                description=operation.get("description", ""),
                permission=need.value,
                roles=" or ".join(role.label for role in LEAST_ROLES[need]),
                parameters=_parameters(document, path, operation),
                body=_body(document, operation),
                answers=_answers(document, operation),
            )
        )
    return list(groups.values())


def _each(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in ("get", "post", "put", "patch", "delete"):
                yield path, method, operation


def _parameters(document: Json, path: str, operation: Json) -> list[Json]:
    shared = document["paths"][path].get("parameters", [])
    return [
        {
            "name": each["name"],
            "where": each["in"],
            "required": each.get("required", False),
            "type": _type(document, each.get("schema", {})),
            "description": each.get("description", ""),
        }
        for each in [*shared, *operation.get("parameters", [])]
    ]


def _body(document: Json, operation: Json) -> list[Json]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return _properties(document, content.get("schema", {}))


def _answers(document: Json, operation: Json) -> list[Json]:
    found = []
    for status, answer in operation["responses"].items():
        if not status.startswith("2"):
            continue
        content = answer.get("content", {}).get("application/json", {})
        found.append(
            {
                "status": status,
                "description": answer.get("description", ""),
                "fields": _properties(document, content.get("schema", {})),
            }
        )
    return found


def _properties(document: Json, schema: Json) -> list[Json]:
    schema = _resolved(document, schema)
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "required": name in required,
            "type": _type(document, each),
            "description": each.get("description", ""),
        }
        for name, each in schema.get("properties", {}).items()
    ]


def _resolved(document: Json, schema: Json) -> Json:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Json = document["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def _type(document: Json, schema: Json) -> str:
    if "enum" in schema:
        return " | ".join(str(word) for word in schema["enum"] if word is not None)
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "allOf" in schema:
        return _type(document, schema["allOf"][0])
    if schema.get("type") == "array":
        return f"list of {_type(document, schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or "any value")


def _tag(name: str) -> str:
    return name.removeprefix("api_")


def _operation_id(method: str, path: str) -> str:
    words = [part.strip("{}") for part in path.split("/")[3:] if part]
    return "_".join([method, *words])
