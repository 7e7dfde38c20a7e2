"""[feed]: who is told of every status, where and how. Its keys, and what is made of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, validate

from connector.config import model
from connector.config.fields import NameField, SecretField
from connector.config.problems import Problem, nearest
from connector.financier import FinancingStatus
from connector.secrets import Secret
from webhooks.signatures import require_secrets, secret_key

DAY = 86_400
RETRY_SECONDS = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
"""The pauses of the Standard Webhooks specification's example schedule, which end after about three days."""


class SecretAddressField(SecretField):
    """An http(s) URL, as text or (where it holds a token) as a secret. Loads to a `Secret`."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Secret:
        written = isinstance(value, str)
        secret = Secret(value) if written else super()._deserialize(value, *args, **kwargs)
        text = secret.reveal()
        try:
            parts = urlsplit(text)
            host, _port = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https") or not text.isascii():
            raise ValidationError("expected a web address like https://host/path.")
        if parts.username is not None or parts.fragment or not text.isprintable() or " " in text:
            raise ValidationError("expected a web address without user name or #fragment.")
        return secret


def _seconds(default: int, least: int, most: int) -> fields.Integer:
    return fields.Integer(
        load_default=default, strict=True, validate=validate.Range(min=least, max=most)
    )


class FeedEndpointSchema(Schema):
    """[[feed.endpoints]]"""

    name = NameField(required=True)
    url = SecretAddressField(required=True)
    secrets = fields.List(SecretField(), required=True, validate=validate.Length(min=1, max=8))
    enabled = fields.Boolean(load_default=True)
    connections = fields.List(fields.String(), load_default=list)
    statuses = fields.List(
        fields.String(validate=validate.OneOf([status.value for status in FinancingStatus])),
        load_default=list,
    )
    timeout_seconds = _seconds(20, 1, 120)
    concurrency = _seconds(4, 1, 64)
    allow_http = fields.Boolean(load_default=False)
    ca_file = fields.String(load_default=None)


class FeedSchema(Schema):
    """[feed]"""

    interval_seconds = _seconds(30, 1, DAY)
    retry_seconds = fields.List(
        fields.Integer(strict=True, validate=validate.Range(min=1, max=7 * DAY)),
        load_default=lambda: list(RETRY_SECONDS),
        validate=validate.Length(min=1, max=50),
    )
    disable_after_seconds = _seconds(5 * DAY, 60, 90 * DAY)
    endpoints = fields.List(fields.Nested(FeedEndpointSchema), load_default=list)


def read_feed(
    loaded: dict[str, Any] | None, connections: Collection[str], problems: list[Problem]
) -> model.Feed | None:
    """The section as the program sees it. Adds to `problems` what no schema can see."""
    if loaded is None:
        return None
    endpoints = [
        _endpoint(given, ("feed", "endpoints", index), connections, problems)
        for index, given in enumerate(loaded["endpoints"])
    ]
    names = [endpoint.name for endpoint in endpoints]
    problems += [
        Problem(("feed", "endpoints", index, "name"), "another endpoint has this name already.")
        for index, name in enumerate(names)
        if name in names[:index]
    ]
    given = {**loaded, "retry_seconds": tuple(loaded["retry_seconds"])}
    return model.Feed(**{**given, "endpoints": tuple(endpoints)})


def _endpoint(
    given: dict[str, Any],
    path: tuple[str | int, ...],
    connections: Collection[str],
    problems: list[Problem],
) -> model.FeedEndpoint:
    try:
        require_secrets(
            "signing secret", [secret_key(s.reveal(), "whsec") for s in given["secrets"]]
        )
    except ValueError as error:
        remedy = "Make one with `connector feed new-secret`."
        problems.append(Problem((*path, "secrets"), f"{error} {remedy}"))
    parts = urlsplit(given["url"].reveal())
    local = parts.hostname in ("localhost", "::1") or str(parts.hostname).startswith("127.")
    if parts.scheme == "http" and not local and not given["allow_http"]:
        sentence = "expected https://, or allow_http = true when the network is yours."
        problems.append(Problem((*path, "url"), sentence))
    for name in given["connections"]:
        if name not in connections:
            allowed = ", ".join(sorted(connections)) or "none"
            hint = nearest(name, connections)
            sentence = f"no [connections.NAME] has the name {name!r}. There are: {allowed}.{hint}"
            problems.append(Problem((*path, "connections"), sentence))
    lists = {key: tuple(given[key]) for key in ("secrets", "connections", "statuses")}
    return model.FeedEndpoint(**{**given, **lists})
