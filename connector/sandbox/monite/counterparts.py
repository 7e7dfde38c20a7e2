"""Counterparts with their lists, and the entities of the partner."""

from __future__ import annotations

from flask import Response, g, request

from connector.sandbox.control import reply
from connector.sandbox.monite.paging import (
    TIMES,
    Filter,
    Listing,
    entity_page,
    filters,
    page,
    query_of,
)
from connector.sandbox.monite.refusal import RefusalError
from connector.sandbox.monite.world import World, monite_time, needed, read_body

_NAMES = ("is", "contains", "icontains", "iexact")
_LISTING = Listing(
    "counterpart",
    {
        **filters(
            created_at=("instant", TIMES),
            id=("uuid", "in"),
            type=("text", "is"),
            tax_id=("text", "is"),
            email=("text", "is contains icontains"),
            address__dot__country=("text", "is"),
            address__dot__city=("text", "is"),
            address__dot__postal_code=("text", "is"),
            address__dot__state=("text", "is"),
            address__dot__line1=("text", "is"),
            address__dot__line2=("text", "is"),
        ),
        **{
            "counterpart_name" if o == "is" else f"counterpart_name__{o}": Filter(
                "counterpart_name", o, "text"
            )
            for o in _NAMES
        },
        "is_vendor": Filter("sides.is_vendor", "is", "bool"),
        "is_customer": Filter("sides.is_customer", "is", "bool"),
    },
    ("counterpart_name",),
)
_ENTITIES = Listing(
    "entity", filters(created_at=("instant", TIMES), id=("uuid", "in")), ("created_at",)
)
_LISTS = {
    "addresses": "_addresses",
    "vat_ids": "_vat_ids",
    "contacts": "_contacts",
    "bank_accounts": "_bank_accounts",
}


def add_routes(world: World) -> None:
    """Add /v1/counterparts, /v1/entities and what is below."""
    app = world.sandbox.app

    @app.get("/v1/counterparts")
    def list_counterparts() -> Response:
        query = query_of(request.args.lists())
        return reply(entity_page(world, _LISTING, query, g.entity_id))

    @app.get("/v1/counterparts/<counterpart_id>")
    def one_counterpart(counterpart_id: str) -> Response:
        stored = world.required("counterpart", counterpart_id, g.entity_id)
        return reply(world.shown(stored.body))

    @app.get("/v1/counterparts/<counterpart_id>/<part>")
    def part_of_counterpart(counterpart_id: str, part: str) -> Response:
        body = world.required("counterpart", counterpart_id, g.entity_id).body
        if part == "partner_metadata":
            return reply({"metadata": body["_metadata"]})
        if part not in _LISTS:
            raise RefusalError(404, "Not Found.")
        return reply(world.shown({"data": body[_LISTS[part]]}))

    @app.put("/v1/counterparts/<counterpart_id>/partner_metadata")
    def set_metadata(counterpart_id: str) -> Response:
        given = needed(read_body(), "metadata", dict)
        with world.ledger.transaction():
            stored = world.required("counterpart", counterpart_id, g.entity_id)
            now = world.now()
            body = {**stored.body, "_metadata": given, "updated_at": monite_time(now)}
            world.ledger.change(stored, body, at=now, cause="metadata")
            world.tell("counterpart", "metadata_update", stored.id, g.entity_id)
        return reply({"metadata": given})

    _add_entities(world)


def _add_entities(world: World) -> None:
    app = world.sandbox.app

    @app.get("/v1/entities")
    def list_entities() -> Response:
        query = query_of(request.args.lists())
        return reply(
            page(world, _ENTITIES, query, lambda body: g.token_entity_id in (None, body["id"]))
        )

    @app.get("/v1/entities/me")
    def own_entity() -> Response:
        if g.token_entity_id is None:
            raise RefusalError(400, "A token of an entity user is needed.")
        return reply(world.shown(world.required("entity", g.token_entity_id).body))

    @app.get("/v1/entities/<entity_id>")
    def one_entity(entity_id: str) -> Response:
        stored = world.required("entity", entity_id)
        if g.token_entity_id not in (None, entity_id):
            raise RefusalError(403, "This entity is not open to the token.")
        return reply(world.shown(stored.body))
