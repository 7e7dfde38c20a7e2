"""The vendor's OpenAPI document of the Monite API, read for `monite_contract.py`, which says what is tolerated."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from openapi_core import Config, OpenAPI
from openapi_schema_validator import OAS31Validator, oas31_format_checker

DOCUMENT = Path(__file__).parent / "contracts" / "monite" / "openapi-2024-05-25.json"
EVENT = "EventResourceForWebhookClient"
EXACT, TOLERANT = "exact", "tolerant"
_API = "/v1/"
_STATUSES_OF_ALL_CALLS = ("400", "401", "403", "404", "409", "429")
_ERROR = {
    "description": "",
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/ErrorSchemaResponse"}}
    },
}


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """The document's operation for a call of the API, None where there is none."""
    parts = path.removeprefix(_API).split("/")
    method = method.lower()
    best: tuple[int, dict[str, Any]] | None = None
    for template, operations in document()["paths"].items():
        names = template.lstrip("/").split("/")
        fits = len(names) == len(parts) and all(
            n.startswith("{") or n == p for n, p in zip(names, parts, strict=True)
        )
        if fits and method in operations:
            variables = template.count("{")
            if best is None or variables < best[0]:
                best = (variables, operations[method])
    return best[1] if best else None


def exact_json(data: bytes) -> Any:
    """JSON whose numbers with a fraction or exponent are Decimal: those are no integers."""
    return json.loads(data, parse_float=Decimal)


@cache
def document() -> dict[str, Any]:
    """The document as it is read: the union of `closed_union` open, an object of which nothing is said free."""
    found: dict[str, Any] = json.loads(DOCUMENT.read_bytes())
    for schema in _objects(found["components"]["schemas"]):
        # An object of which nothing is said is free; every other one has the fields it names.
        if not schema.get("properties") and "additionalProperties" not in schema:
            schema["additionalProperties"] = True
    for schema in found["components"]["schemas"].values():
        if "anyOf" in schema and "properties" not in schema:
            schema.pop("additionalProperties", None)
    return found


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("type") == "object":
            yield value
        for entry in value.values():
            yield from _objects(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _objects(entry)


def _tolerant() -> dict[str, Any]:
    """The document with null for every optional field, and the errors of all calls."""
    found = copy.deepcopy(document())
    for schema in _objects(found["components"]["schemas"]):
        required = schema.get("required", [])
        for name, field in schema.get("properties", {}).items():
            if name not in required:
                schema["properties"][name] = {"anyOf": [field, {"type": "null"}]}
    for operations in found["paths"].values():
        for operation in operations.values():
            for status in _STATUSES_OF_ALL_CALLS:
                operation["responses"].setdefault(status, _ERROR)
    return found


def _config() -> Config:
    return Config(
        spec_validator_cls=None,
        additional_properties_default_policy="forbid",
        extra_media_type_deserializers={"application/json": exact_json},
    )


@cache
def request_checks() -> OpenAPI:
    """What a request must be."""
    return OpenAPI.from_dict(document(), config=_config())  # type: ignore[arg-type]


@cache
def answer_checks(which: str) -> OpenAPI:
    """What an answer must be: `EXACT`, or `TOLERANT` of what the document does not say."""
    found = document() if which == EXACT else _tolerant()
    return OpenAPI.from_dict(found, config=_config())  # type: ignore[arg-type]


@cache
def webhook_checks() -> OAS31Validator:
    """What the body of a webhook delivery must be."""
    components = _tolerant()["components"]
    schema = {"$ref": f"#/components/schemas/{EVENT}", "components": components}
    return OAS31Validator(schema, format_checker=oas31_format_checker)
