"""Who may call: the version header, tokens of the partner and of an entity's user, the entity header, the rate."""

from __future__ import annotations

import hmac
import time
from datetime import date, timedelta

from flask import Response, g, request

from connector.sandbox.control import reply
from connector.sandbox.ledger import NewObject, instant_text
from connector.sandbox.monite.refusal import InvalidError, RefusalError
from connector.sandbox.monite.world import World, is_uuid, monite_uuid, needed, read_body
from connector.sandbox.wire import JsonObject

_API = "/v1/"
_OF_AN_ENTITY = (
    "payables",
    "receivables",
    "counterparts",
    "financing_invoices",
    "financing_offers",
    "financing_tokens",
    "payment_records",
    "webhook_deliveries",
)
_OF_THE_PARTNER = ("webhook_subscriptions",)


class Access:
    """Checks every call of the API, and adds the headers every answer has."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._second = 0
        self._used = 0
        self._requests = 0

    def add_routes(self) -> None:
        """Add the checks and the token's paths."""
        app = self._world.sandbox.app
        app.before_request(self._before)
        app.after_request(self._after)
        app.add_url_rule("/v1/auth/token", "token", self._token, methods=["POST"])
        app.add_url_rule("/v1/auth/revoke", "revoke", self._revoke, methods=["POST"])

    def _before(self) -> None:
        if not request.path.startswith(_API):
            return
        self._count()
        self._check_version()
        section, _, rest = request.path.removeprefix(_API).partition("/")
        if section == "auth":
            return
        token = self._bearer()
        if section in _OF_THE_PARTNER and token["entity"] is not None:
            raise RefusalError(403, "This call needs a token of the partner.")
        g.token_entity_id = token["entity"]
        g.entity_id = request.headers.get("x-monite-entity-id")
        if section in _OF_AN_ENTITY or (section == "events" and not rest):
            self._check_entity(token["entity"])

    def _count(self) -> None:
        settings = self._world.settings
        machine = settings.rate_limit_clock == "machine"
        second = int(time.time() if machine else self._world.now().timestamp())
        if second != self._second:
            self._second, self._used = second, 0
        self._used += 1
        g.reset = second + 1
        g.remaining = max(settings.rate_limit_per_second - self._used, 0)
        if self._used > settings.rate_limit_per_second:
            raise RefusalError(429, "Rate limit is exceeded. Try again later.")

    def _check_version(self) -> None:
        given = request.headers.get("x-monite-version")
        if given is None:
            raise InvalidError(
                ("header", "x-monite-version"), "field required", "value_error.missing"
            )
        try:
            date.fromisoformat(given)
        except ValueError as error:
            raise InvalidError(("header", "x-monite-version"), "invalid date format") from error
        if given not in self._world.settings.versions:
            raise RefusalError(400, f"API version {given} is not supported.")

    def _bearer(self) -> JsonObject:
        header = request.headers.get("Authorization", "")
        token = self._world.ledger.get("token", header.removeprefix("Bearer "))
        if not header.startswith("Bearer ") or token is None:
            raise RefusalError(401, "The access token is missing or not known.")
        if token.body["expires_at"] <= instant_text(self._world.now()):
            raise RefusalError(401, "The access token has expired.")
        return token.body

    def _check_entity(self, of_token: str | None) -> None:
        if g.entity_id is None:
            raise InvalidError(
                ("header", "x-monite-entity-id"), "field required", "value_error.missing"
            )
        if not is_uuid(g.entity_id):
            raise InvalidError(
                ("header", "x-monite-entity-id"), "value is not a valid uuid", "type_error.uuid"
            )
        known = self._world.ledger.get("entity", g.entity_id)
        if known is None or of_token not in (None, g.entity_id):
            raise RefusalError(403, "This entity is not open to the token.")

    def _after(self, answer: Response) -> Response:
        if not request.path.startswith(_API) or "reset" not in g:
            return answer
        limit = str(self._world.settings.rate_limit_per_second)
        self._requests += 1
        headers = {
            "X-Request-Id": monite_uuid(self._world.settings.seed, "request", self._requests),
            "X-Process-Time": "0.01",
            "X-Monite-Version": request.headers.get("x-monite-version", ""),
            "X-Monite-Entity-Id": request.headers.get("x-monite-entity-id", ""),
            "RateLimit-Limit": limit,
            "RateLimit-Remaining": str(g.remaining),
            "RateLimit-Reset": str(g.reset),
            "X-RateLimit-Limit-Second": limit,
            "X-RateLimit-Remaining-Second": str(g.remaining),
        }
        answer.headers.update({name: value for name, value in headers.items() if value})
        if answer.status_code == 429:
            answer.headers["Retry-After"] = "1"
        return answer

    def _token(self) -> Response:
        settings = self._world.settings
        body = read_body(("client_id", "client_secret", "grant_type", "entity_user_id"))
        self._check_client(body)
        grant = needed(body, "grant_type")
        if grant not in ("client_credentials", "entity_user"):
            raise InvalidError(("body", "grant_type"), "value is not a valid enumeration member")
        entity = None
        if grant == "entity_user":
            if needed(body, "entity_user_id") != settings.entity_user_id:
                raise RefusalError(401, "The entity user is not known.")
            entity = settings.entity_id
        with self._world.ledger.transaction():
            now, token = self._world.now(), self._world.new_id("token").replace("-", "")
            expires = instant_text(now + timedelta(seconds=settings.token_life_seconds))
            stored = {"expires_at": expires, "entity": entity, "grant_type": grant}
            self._world.ledger.add("token", NewObject(token, stored, now))
        life = settings.token_life_seconds
        return reply({"access_token": token, "token_type": "Bearer", "expires_in": life})

    def _revoke(self) -> Response:
        body = read_body(("client_id", "client_secret", "token"))
        self._check_client(body)
        token = needed(body, "token")
        self._world.ledger.remove("token", token, at=self._world.now(), cause="revoked")
        return reply({"message": "The token was revoked."})

    def _check_client(self, body: JsonObject) -> None:
        settings = self._world.settings
        client, secret = needed(body, "client_id"), needed(body, "client_secret")
        if not is_uuid(client):
            raise InvalidError(
                ("body", "client_id"), "value is not a valid uuid", "type_error.uuid"
            )
        right = hmac.compare_digest(client.encode(), settings.client_id.encode())
        right &= hmac.compare_digest(secret.encode(), settings.client_secret.encode())
        if not right:
            raise RefusalError(401, "The client credentials are not valid.")
