"""Connections: health, trying, pausing, reading again; the generated form; repeating deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from marshmallow import Schema, fields, validate

from connector.config.fields import SecretField, WebAddressField
from connector.connecting import replaying
from connector.connecting.files import text_of
from connector.connecting.forms import fields_of, read
from connector.connecting.replaying import Range, preview, repeat
from connector.errors import NotFound, Refused, Unavailable
from connector.people.roles import Role
from connector.registry import systems
from tests.databases import finance, message, store_records
from tests.unit.console.conftest import signed_in
from tests.unit.console.desk import Desk, desk_in
from webhooks.ports import ReceivedEvent, Verification

PAGES = (
    "/connections",
    "/connections/books",
    "/connections/bank",
    "/connections/-/new",
    "/connections/-/new/monite",
    "/connections/-/new/tryton",
    "/deliveries/repeat",
)


@pytest.fixture
def desk(tmp_path: Path, migrated_sqlite_file: Path) -> Iterator[Desk]:
    with desk_in(tmp_path, migrated_sqlite_file) as made:
        yield made


def test_each_page_is_well_formed_and_labelled(desk: Desk):
    for address in PAGES:
        found = desk.get(address)
        assert not found.crossed, address
        ids = [e.attributes["id"] for e in found.elements if "id" in e.attributes]
        assert len(ids) == len(set(ids)), address
        labelled = {e.attributes.get("for") for e in found.all("label")}
        for control in found.all("input") + found.all("select"):
            hidden = control.attributes.get("type") == "hidden"
            named = "aria-label" in control.attributes or control.attributes.get("id") in labelled
            assert hidden or named, control.attributes
        for element in found.elements:
            for target in (element.attributes.get("aria-describedby") or "").split():
                assert target in ids, target


def test_a_viewer_looks_and_does_nothing(desk: Desk):
    viewer = signed_in(desk.app, desk.program, Role.VIEWER)
    shown = viewer.get("/connections/books").text

    assert "Run now" not in shown
    assert viewer.get("/connections/-/new").status_code == 403
    assert viewer.get("/deliveries/repeat").status_code == 403


def test_pausing_running_and_reading_again(desk: Desk):
    desk.send("/connections/books/pause")
    assert "Paused by a person" in desk.get("/connections/books").text
    desk.send("/connections/books/run")
    assert "books is paused." in desk.get("/connections/books").text
    desk.send("/connections/books/resume")
    desk.send("/connections/books/run")
    asked = desk.send("/connections/books/full-walk", 200, since="2026-01-01")
    assert "Everything from 2026-01-01 on is among what is read." in asked.text
    assert "connection.full_walk" not in desk.actions()
    desk.send("/connections/books/full-walk", since="2026-01-01", confirmed="yes")
    desk.send("/connections/bank/run")
    assert desk.woken == ["pull:books", "pull:books", "pull:books", "poll:bank"]
    kept = [a for a in desk.actions() if a.startswith(("connection.", "task."))]
    assert kept == [
        *("connection.pause", "connection.resume", "task.run", "connection.full_walk", "task.run"),
    ]
    desk.send("/connections/nobody/run", 404)


def test_health_is_told_in_words(desk: Desk):
    with desk.program.database.write() as tx:
        tx.connections.failed(
            "books/pull", Unavailable("<b>It is away</b>."), None, state="backing_off"
        )
    found = desk.get("/connections")
    assert "<b>It is away</b>." in found.text
    assert "<b>It is" not in found.source
    assert "1 failure in a row (pull)" in found.text


def test_a_test_shows_what_was_tried_and_what_to_do(desk: Desk):
    shown = desk.send("/connections/books/check", 200)  # nobody answers there

    assert "wrong" in shown.text
    assert desk.actions()[-1] == "connection.checked"


def test_its_door_is_shown_without_its_secret(desk: Desk):
    shown = desk.get("/connections/bank")

    assert "/webhooks/bank/" in shown.text
    for secret in desk.program.config.secrets():
        assert secret.reveal() not in shown.source
    # Its secrets stand in the main file, so they are not changed here.
    desk.send("/connections/bank/secrets", 404)


# -- the generated form -------------------------------------------------------------------------------------------


class Made(Schema):
    """A system's settings, of every kind."""

    address = WebAddressField(required=True)
    key = SecretField(required=True)
    version = fields.String(load_default="a", validate=validate.OneOf(("a", "b")))
    page_size = fields.Integer(load_default=5, validate=validate.Range(min=1, max=9))
    patience_seconds = fields.Float(load_default=1.5)
    events = fields.Boolean(load_default=False)
    hosts = fields.List(fields.String(), load_default=list)
    more = fields.Dict()


def test_a_form_is_made_of_what_a_schema_declares():
    form = {field.name: field for field in fields_of(Made)}

    assert {name: field.kind for name, field in form.items()} == {
        "address": "address",
        "key": "secret",
        "version": "choice",
        "page_size": "number",
        "patience_seconds": "decimal",
        "events": "yes_no",
        "hosts": "list",
    }
    assert form["page_size"].hint == "From 1 to 9."
    assert form["patience_seconds"].label == "Patience (seconds)"
    given = {
        "s_key": "x y",
        "s_page_size": "7",
        "s_hosts": "a, b,",
        "s_events": "no",
        "s_version": "",
    }
    values, secrets, errors = read(list(form.values()), given, "s_")
    assert values == {"page_size": 7, "hosts": ["a", "b"], "events": False}
    assert (secrets, errors) == ({"key": "x y"}, {})
    assert read(list(form.values()), {"s_page_size": "many"}, "s_")[2] == {
        "s_page_size": "Page size: expected a whole number."
    }


def test_every_system_can_be_filled_in():
    for name, adapter in systems().items():
        required = {f.name for f in fields_of(adapter.settings_schema) if f.required}
        declared = {n for n, f in adapter.settings_schema().fields.items() if f.required}
        assert required == declared, name


def test_whatever_is_typed_stays_one_value_of_the_file():
    import tomllib

    nasty = 'a"b\\c\n[store]\nurl = "x"\x7f\u2028é😀'
    table = {"system": nasty, "n": 3, "on": True, "hosts": [nasty], "key": {"file": "secrets.d/k"}}
    read_back = tomllib.loads(text_of("books", {**table, "webhook": {"path_secrets": [{"file": "p"}]}}, {"name": nasty}))  # fmt: skip
    assert set(read_back) == {"connections", "flows"}
    assert read_back["connections"]["books"] == {**table, "webhook": {"path_secrets": [{"file": "p"}]}}  # fmt: skip
    assert read_back["flows"] == [{"name": nasty}]


# -- repeating ----------------------------------------------------------------------------------------------------


def hear(desk: Desk, *event_ids: str) -> None:
    with desk.program.database.write() as tx:
        now = desk.program.clock.now()
        tx.inbox.add_many(
            [ReceivedEvent("bank", one, Verification.SIGNED, b"{}", now) for one in event_ids]
        )


def finish(desk: Desk, quarantine: str = "") -> None:
    from datetime import timedelta

    with desk.program.database.write() as tx:
        for row in tx.inbox.claim_due("bank", timedelta(minutes=1), limit=100):
            if row.event_id == quarantine:
                tx.inbox.quarantine(row.id, row.lease_token or "", "unreadable")
            else:
                tx.inbox.finish(row.id, row.lease_token or "")


def test_events_are_repeated_after_a_preview(desk: Desk):
    hear(desk, "a", "b", "c")
    finish(desk, quarantine="c")
    hear(desk, "d")  # waits already: it is none of those
    asked = desk.send("/deliveries/repeat", 200, what="events", name="bank", reason="lost")
    assert "Repeat 3 events?" in asked.text
    assert "bank: quarantined: 1" in asked.text
    desk.send(
        *("/deliveries/repeat", 303),
        what="events",
        name="bank",
        reason="lost",
        previewed="2",
        confirmed="yes",
    )
    assert "3 events repeated. The preview said 2" in desk.get("/deliveries/inbox").text
    assert desk.woken == ["hear:bank"]
    assert desk.actions()[-1] == "events.repeated"
    with desk.program.database.read() as tx:
        assert tx.inbox.counts() == {("bank", "received"): 4}
    finish(desk)
    wanted = Range("events", since=desk.program.clock.today(), until=desk.program.clock.today())
    assert preview(desk.program, wanted).count == 4
    assert preview(desk.program, Range("events", until=date(2020, 1, 1))).count == 0
    assert preview(desk.program, Range("events", state="quarantined")).count == 0


def park(desk: Desk, *source_ids: str) -> None:
    """Messages of which nobody knows whether they took effect."""
    with desk.program.database.write() as tx:
        for saved in store_records(tx, list(source_ids)):
            financing_id = finance(tx, saved)
            row = message(tx, financing_id, target="bank")
            tx.financing.set_state(financing_id, "submitting", None, allowed_from=("ready",))
            tx.financing.set_state(financing_id, "parked", "unclear", allowed_from=("submitting",))
            assert tx.outbox.park(row, Unavailable("unclear"))


def test_parked_messages_are_tried_again_by_decisions(desk: Desk):
    shown = desk.send("/deliveries/repeat", 200, what="messages", reason="again")
    assert "Nothing is in this range" in shown.text
    park(desk, "x1", "x2")
    given = {"what": "messages", "name": "bank", "reason": "looked at it"}
    asked = desk.send("/deliveries/repeat", 200, **given)
    assert "Repeat 2 messages?" in asked.text
    assert "invoice to bank: 2" in asked.text
    assert "2 invoices" in asked.text  # with their money
    desk.send("/deliveries/repeat", 303, **given, previewed="2", confirmed="yes")
    with desk.program.database.read() as tx:
        assert tx.outbox.counts() == {
            ("bank", "pending"): 2
        }  # nothing had left: sent without a look-up
    assert desk.actions()[-3:] == ["outbox.again", "outbox.again", "messages.repeated"]
    assert preview(desk.program, Range("messages")).count == 0


def test_never_more_than_so_many_are_repeated_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(replaying, "MOST", 2)
    park(desk, "x1", "x2", "x3")
    given = {"what": "messages", "reason": "looked at it"}
    asked = desk.send("/deliveries/repeat", 200, **given).text
    assert "Repeat 2 messages?" in asked
    assert "The range holds more: at most 2 are repeated at once, the oldest first." in asked
    desk.send("/deliveries/repeat", 303, **given, previewed="2", confirmed="yes")
    with desk.program.database.read() as tx:
        assert tx.outbox.counts() == {("bank", "pending"): 2, ("bank", "parked"): 1}
    rest = preview(desk.program, Range("messages"))
    assert (rest.count, rest.rest) == (1, None)

    hear(desk, "a", "b", "c")
    finish(desk)
    events = preview(desk.program, Range("events"))
    assert events.count == 2
    assert "begin with the day on which the last of these came, 2026-03-02" in (events.rest or "")


def test_what_cannot_be_repeated_is_said(desk: Desk):
    assert "Say why" in desk.send("/deliveries/repeat", 422, what="events").text
    bad = desk.send("/deliveries/repeat", 422, what="events", since="soon", reason="x")
    assert "is not a date" in bad.text
    with pytest.raises(NotFound):
        preview(desk.program, Range("events", name="nobody"))
    with pytest.raises(NotFound):
        preview(desk.program, Range("feed", name="nobody"))
    with pytest.raises(Refused):
        preview(desk.program, Range("events", since=date(2026, 2, 1), until=date(2026, 1, 1)))
    with pytest.raises(Refused):
        repeat(desk.program, Range("events"), reason=" ", by="test")


def test_the_form_speaks_of_its_own_fields_and_not_of_the_file(desk: Desk):
    shown = desk.send(
        "/connections/-/new/finexio", 422, name="No Good", flow_financier="bank", what="save"
    )
    wrong = [e.text for e in shown.all("p") if e.attributes.get("class") == "field-error"]
    assert "Password: this must be filled in." in wrong
    assert sum(said.startswith("Name:") for said in wrong) == 1
    summary = next(e for e in shown.all("div") if e.attributes.get("class") == "error-summary")
    assert summary.text.count("Name:") == 1
    for words in ("env =", "{ file", "this key", "amend"):
        assert words not in shown.text, words
    labels = {e.attributes.get("for"): e.text for e in shown.all("label")}
    assert f"{labels['i-setting_base_url']}: this must be filled in." in wrong


def test_a_setting_that_is_named_in_a_refusal_is_named_as_the_form_names_it(desk: Desk):
    given = {"setting_base_url": "http://books.example.com", "setting_username": "ana"}
    shown = desk.send(
        "/connections/-/new/finexio", 422, name="more", setting_password="x y", **given
    )
    assert "allow_http" not in shown.text
    assert "set “Allow HTTP” to yes when the network is yours." in shown.text


def test_what_cannot_be_reached_says_what_to_look_at(desk: Desk):
    given = {"setting_base_url": "http://127.0.0.1:9", "setting_username": "ana"}
    shown = desk.send(
        "/connections/-/new/finexio", 422, name="more", setting_password="x y", **given
    )
    assert "the connection was refusedCheck the address" in shown.rows()[1]
