"""The financing part: invoices are pushed, a person confirms them in the widget, offers and business status."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, g, request

from connector.sandbox.control import reply
from connector.sandbox.desk import Desk
from connector.sandbox.ledger import NewObject, StoredObject
from connector.sandbox.monite.oracle import can_be_financed
from connector.sandbox.monite.paging import (
    NUMBERS,
    TIMES,
    Listing,
    filters,
    page,
    query_of,
)
from connector.sandbox.monite.refusal import InvalidError, RefusalError
from connector.sandbox.monite.world import World, is_uuid, monite_time, needed, read_body
from connector.sandbox.people import draw
from connector.sandbox.wire import JsonObject

_LISTING = Listing(
    "financing",
    filters(
        invoice_id=("uuid", "is in"),
        status=("text", "is in"),
        type=("text", "is in"),
        document_id=("text", "is in"),
        issue_date=("instant", TIMES),
        due_date=("instant", TIMES),
        created_at=("instant", TIMES),
        total_amount=("number", NUMBERS),
    ),
    ("id", "created_at"),
)
_MOST_AT_ONCE = 10
_ADVANCE_RATE = 8_000
_FEE = 300
_OFFER_MINOR_UNITS = 100_000_000
_OUTSTANDING = ("FUNDED", "LATE", "DEFAULTED")


def add_routes(world: World) -> None:
    """Add /v1/financing_invoices, /v1/financing_offers and /v1/financing_tokens."""
    app = world.sandbox.app

    @app.get("/v1/financing_invoices")
    def list_financed() -> Response:
        lag = timedelta(seconds=world.settings.financing_list_lag_seconds)
        newest = monite_time(world.now() - lag)

        def keep(body: JsonObject) -> bool:
            return bool(body["_entity"] == g.entity_id and body["_created_at"] <= newest)

        return reply(page(world, _LISTING, query_of(request.args.lists()), keep))

    @app.post("/v1/financing_invoices")
    def push_invoices() -> Response:
        with world.ledger.transaction():
            return reply(_push(world, g.entity_id), 201)

    @app.post("/v1/financing_tokens")
    def connect_token() -> Response:
        return reply({"connect_token": f"connect-{world.new_id('connect')}"}, 201)

    @app.get("/v1/financing_offers")
    def offers() -> Response:
        return reply(_offers(world, g.entity_id))


def key_of(kind: str, invoice_id: str) -> str:
    """The ledger's id of a financing: the API gives it none."""
    return f"{kind}:{invoice_id}"


def _push(world: World, entity_id: str) -> JsonObject:
    invoices = [_eligible(world, entity_id, *pushed) for pushed in _pushed()]
    keys = []
    for kind, invoice in invoices:
        key = key_of(kind, invoice.id)
        keys.append(key)
        known = world.ledger.get("financing", key)
        if known is None:
            _draft(world, kind, invoice, key)
        elif known.status != "DRAFT" and world.settings.repeated_push == "refuse":
            raise RefusalError(409, f"The invoice {invoice.id} is already {known.status}.")
    session = f"session-{world.new_id('session')}"
    connect = f"connect-{world.new_id('connect')}"
    body = {"connect_token": connect, "financings": keys, "_entity": entity_id}
    world.ledger.add("session", NewObject(session, body, world.now(), status="open"))
    return {"connect_token": connect, "session_token": session}


def _pushed() -> list[tuple[int, str, str]]:
    """(place, type, id) of what is pushed. Raises InvalidError."""
    given = needed(read_body(), "invoices", list)
    if not 1 <= len(given) <= _MOST_AT_ONCE:
        raise InvalidError(
            ("body", "invoices"),
            f"ensure this value has 1 to {_MOST_AT_ONCE} items",
            "value_error.list",
        )
    pushed = []
    for place, entry in enumerate(given):
        if not isinstance(entry, dict):
            raise InvalidError(
                ("body", "invoices", place), "value is not a valid dict", "type_error.dict"
            )
        kind = needed(entry, "type", str, ("invoices", place))
        invoice_id = needed(entry, "id", str, ("invoices", place))
        if kind not in ("payable", "receivable"):
            raise InvalidError(
                ("body", "invoices", place, "type"), "value is not a valid enumeration member"
            )
        if not is_uuid(invoice_id):
            raise InvalidError(
                ("body", "invoices", place, "id"), "value is not a valid uuid", "type_error.uuid"
            )
        pushed.append((place, kind, invoice_id))
    return pushed


def _eligible(
    world: World, entity_id: str, place: int, kind: str, invoice_id: str
) -> tuple[str, StoredObject]:
    found = world.ledger.get(kind, invoice_id)
    where = ("body", "invoices", place, "id")
    if found is None or found.body["_entity"] != entity_id:
        raise InvalidError(where, f"There is no such {kind}.")
    known = world.ledger.get("financing", key_of(kind, invoice_id))
    if known is None:
        country = world.required("entity", entity_id).body["address"]["country"]
        why = can_be_financed(kind, found.body, country, world.sandbox.clock.today())
        if why is not None:
            raise InvalidError(where, why)
    return kind, found


def _draft(world: World, kind: str, invoice: StoredObject, key: str) -> None:
    body, now = invoice.body, world.now()
    issued = str(body.get("issued_at") or body.get("issue_date"))[:10]
    payer = _payer(world, kind, body)
    financing = {
        "type": kind,
        "status": "DRAFT",
        "invoice_id": invoice.id,
        "document_id": body["document_id"],
        "issue_date": issued,
        "due_date": body["due_date"],
        "total_amount": body["total_amount"],
        "currency": body["currency"],
        **payer,
        "description": None,
        "requested_amount": None,
        "principal_amount": None,
        "advance_amount": None,
        "repayment_amount": None,
        "fee_amount": None,
        "advance_rate_percentage": None,
        "fee_percentage": None,
        "repayment_schedule": None,
        "_entity": body["_entity"],
        "_created_at": monite_time(now),
        "_id": key,
    }
    money = (body["currency"], body["total_amount"])
    world.ledger.add("financing", NewObject(key, financing, now, invoice.id, "DRAFT", *money))


def _payer(world: World, kind: str, body: JsonObject) -> JsonObject:
    """Who pays the invoice: the customer of a receivable, the entity itself for a payable."""
    counterpart = world.ledger.get("counterpart", str(body.get("counterpart_id")))
    person = counterpart.body.get("individual") if counterpart is not None else None
    if kind == "receivable" and person is not None:
        names = {"payer_first_name": person["first_name"], "payer_last_name": person["last_name"]}
        return {"payer_type": "INDIVIDUAL", "payer_business_name": None, **names}
    name = body.get("counterpart_name")
    if kind == "payable":
        name = world.required("entity", body["_entity"]).body["organization"]["legal_name"]
    nobody = {"payer_first_name": None, "payer_last_name": None}
    return {"payer_type": "BUSINESS", "payer_business_name": name, **nobody}


def set_status(world: World, financing: StoredObject, status: str) -> StoredObject:
    """Move a financing; the parts of the money become known as it goes."""
    body, total = {**financing.body, "status": status}, financing.body["total_amount"]
    if status != "DRAFT":
        body["requested_amount"] = total
        body["advance_rate_percentage"], body["fee_percentage"] = _ADVANCE_RATE, _FEE
    if status in ("FUNDED", "PAID", "LATE", "DEFAULTED"):
        advance = total * _ADVANCE_RATE // 10_000
        fee = advance * _FEE // 10_000
        body |= {
            "principal_amount": advance,
            "advance_amount": advance,
            "fee_amount": fee,
            "repayment_amount": advance + fee,
            "repayment_schedule": {
                "repayment_date": body["due_date"],
                "repayment_amount": advance + fee,
                "repayment_fee_amount": fee,
                "repayment_principal_amount": advance,
            },
        }
    return world.ledger.change(financing, body, at=world.now(), cause=status, status=status)


def complete(world: World, session_id: str) -> int:
    """The person confirms: every invoice of the session that is still DRAFT becomes NEW. Returns how many."""
    with world.ledger.transaction():
        session = _open_session(world, session_id)
        submitted = 0
        for key in session.body["financings"]:
            financing = world.ledger.get("financing", key)
            if financing is not None and financing.status == "DRAFT":
                set_status(world, financing, "NEW")
                _to_the_desk(world, financing)
                submitted += 1
        world.ledger.change(
            session, session.body, at=world.now(), cause="completed", status="completed"
        )
        world.ledger.set_meta("business_status", "ONBOARDED")
    return submitted


def cancel(world: World, session_id: str) -> None:
    """The person closes the widget: the invoices stay DRAFT."""
    with world.ledger.transaction():
        session = _open_session(world, session_id)
        world.ledger.change(
            session, session.body, at=world.now(), cause="canceled", status="canceled"
        )


def handle_open_sessions(world: World, *, older_than_seconds: float = 0.0) -> dict[str, int]:
    """The person handles every open session of that age: confirms it, or closes it by the seeded share."""
    counts = {"completed": 0, "canceled": 0, "expired": 0}
    for session in world.ledger.select("session", status="open"):
        age = world.seconds_since(session.created_at)
        if age >= world.settings.session_life_seconds:
            world.ledger.change(
                session, session.body, at=world.now(), cause="expired", status="expired"
            )
            counts["expired"] += 1
        elif age < older_than_seconds:
            continue
        elif _person_cancels(world, session):
            cancel(world, session.id)
            counts["canceled"] += 1
        else:
            complete(world, session.id)
            counts["completed"] += 1
    return counts


def _person_cancels(world: World, session: StoredObject) -> bool:
    key = session.body["financings"][0]
    first = next(s for s in world.ledger.select("session") if key in s.body["financings"])
    share = world.settings.person_cancel_percent
    return first.id == session.id and draw(world.settings.seed, f"person:{key}") < share


def _open_session(world: World, session_id: str) -> StoredObject:
    session = world.ledger.get("session", session_id)
    if session is None:
        raise RefusalError(404, "No such session.")
    age = world.seconds_since(session.created_at)
    if session.status != "open" or age >= world.settings.session_life_seconds:
        raise RefusalError(409, "The session is over.")
    return session


def path_of(world: World, key: str) -> list[str]:
    """The statuses that follow NEW, for the financing with this key."""
    settings = world.settings

    def happens(what: str, percent: int) -> bool:
        return draw(settings.seed, f"{what}:{key}") < percent

    if happens("reject", settings.reject_percent):
        return ["REJECTED"]
    if not happens("late", settings.late_percent):
        return ["FUNDED", "PAID"]
    return [
        "FUNDED",
        "LATE",
        "DEFAULTED" if happens("default", settings.default_percent) else "PAID",
    ]


def _to_the_desk(world: World, financing: StoredObject) -> None:
    if world.ledger.get("desk", financing.id) is None:
        desk_of(world).take(financing.id, path_of(world, financing.id))


def desk_of(world: World) -> Desk:
    """The desk of the lending partner."""

    def move(key: str, status: str) -> None:
        financing = world.ledger.get("financing", key)
        if financing is not None:
            set_status(world, financing, status)

    return Desk(world, move)


def do_what_is_due(world: World) -> None:
    """What became due by the sandbox's clock: the person's sessions, and the desk."""
    delay = world.settings.person_delay_seconds
    if delay is not None:
        handle_open_sessions(world, older_than_seconds=delay)
    desk_of(world).advance_due()


def _offers(world: World, entity_id: str) -> JsonObject:
    used = sum(
        f.body["principal_amount"] or 0
        for f in world.all("financing")
        if f.body["_entity"] == entity_id and f.status in _OUTSTANDING
    )
    status = world.ledger.meta("business_status")
    plans: list[JsonObject] = [
        {
            "advance_rate_percentage": _ADVANCE_RATE,
            "fee_percentage": _FEE,
            "repayment_type": "FIXED_DATE",
            "repayment_duration_days": None,
        },
        {
            "advance_rate_percentage": 10_000,
            "fee_percentage": 500,
            "repayment_type": "FIXED_DURATION",
            "repayment_duration_days": 60,
        },
    ]
    offer = {
        "status": "CURRENT",
        "total_amount": _OFFER_MINOR_UNITS,
        "available_amount": max(_OFFER_MINOR_UNITS - used, 0),
        "currency": "USD",
        "pricing_plans": plans,
    }
    offers = [offer] if status == "ONBOARDED" else []
    return world.shown({"business_status": status, "offers": offers})
