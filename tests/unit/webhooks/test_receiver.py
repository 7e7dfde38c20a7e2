"""The receiver: every answer it can give, and that nothing but a 200 leaves a row."""

from __future__ import annotations

import hashlib
import io
import logging
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes import START, FakeClock
from tests.unit.webhooks.deliveries import (
    BODY_LIMIT,
    NOW,
    OLD_PATH,
    OLD_SECRET,
    OTHER_SECRET,
    PATH,
    SCHEMES,
    SECRET,
    STANDARD,
    TIMESTAMPED,
    Doorway,
    endpoint,
    event,
    signed_headers,
)
from webhooks.ports import Receipt, Verification
from webhooks.signatures import SignatureScheme


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_a_good_delivery_is_stored_and_answered_with_nothing(scheme: SignatureScheme) -> None:
    door = Doorway(endpoint(scheme=scheme))
    answer = door.post_signed(event("evt_7"), scheme)
    assert (answer.status_code, answer.data) == (200, b"")
    assert "Set-Cookie" not in answer.headers
    (stored,) = door.events
    assert stored.body == event("evt_7")
    assert stored.event_id == ("msg_1" if scheme is STANDARD else "evt_7")
    assert stored.verification is Verification.SIGNED
    assert stored.received_at == START


def test_an_unsigned_endpoint_stores_hints() -> None:
    door = Doorway(endpoint("plain", None))
    assert door.post(event(), name="plain").status_code == 200
    assert door.events[0].verification is Verification.HINT


@pytest.mark.parametrize("path", [PATH, OLD_PATH])
@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_old_and_new_secrets_work_while_a_rotation_lasts(path: str, secret: bytes) -> None:
    door = Doorway()
    headers = signed_headers(TIMESTAMPED, event(), secret=secret)
    assert door.post(event(), headers, path=path).status_code == 200


def test_a_duplicate_is_acknowledged_and_not_stored_again() -> None:
    door = Doorway()
    for delay in (0, 60):  # a retry is signed anew
        assert door.post_signed(event(), timestamp=NOW + delay).status_code == 200
    assert door.inbox.receipts == [Receipt.STORED, Receipt.DUPLICATE]
    assert len(door.events) == 1


def test_the_first_body_of_an_id_is_kept_and_the_other_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    door = Doorway()
    assert door.post_signed(event(amount=1)).status_code == 200
    assert door.post_signed(event(amount=2)).status_code == 200
    assert [stored.body for stored in door.events] == [event(amount=1)]
    assert "webhook signed: same_id_other_body (1 times, 1 since the start)" in caplog.text


def test_a_replay_after_the_tolerance_is_refused() -> None:
    clock = FakeClock()
    door = Doorway(now=clock.now)
    headers = signed_headers(TIMESTAMPED, event())
    assert door.post(event(), headers).status_code == 200
    clock.advance(seconds=301)
    assert door.post(event(), headers).status_code == 401


def test_a_delivery_for_one_endpoint_proves_nothing_at_another() -> None:
    other = SignatureScheme(
        header="Test-Signature",
        secrets=(OTHER_SECRET,),
        format="timestamped",
        signed="timestamp.body",
    )
    other_path = "path-of-somebody-else-0123456789"
    door = Doorway(endpoint(), endpoint("other", other, path=(other_path,)))
    headers = signed_headers(TIMESTAMPED, event())
    assert door.post(event(), headers, name="other", path=other_path).status_code == 401
    assert door.post(event(), headers, name="other", path=PATH).status_code == 401
    assert door.events == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("name", ["signed", "unknown"])
def test_other_methods_are_refused_alike_everywhere(method: str, name: str) -> None:
    door = Doorway()
    answer = door.client.open(f"/webhooks/{name}/{PATH}", method=method, data=event())
    assert (answer.status_code, answer.data, answer.headers["Allow"]) == (405, b"", "POST")
    assert door.events == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/webhooks/",
        "/webhooks/signed",
        f"/webhooks/unknown/{PATH}",
        f"/webhooks/signed/{PATH}/x",
    ],
)
def test_unknown_paths_are_an_empty_404(path: str) -> None:
    door = Doorway()
    answer = door.client.post(path, data=event(), headers=signed_headers(TIMESTAMPED, event()))
    assert (answer.status_code, answer.data) == (404, b"")
    assert door.events == []


@pytest.mark.parametrize("size", [BODY_LIMIT + 1, BODY_LIMIT * 50])
def test_a_body_over_the_cap_is_refused_unread(size: int) -> None:
    door = Doorway()
    stream = io.BytesIO(b"x" * size)
    answer = door.client.post(
        f"/webhooks/signed/{PATH}", input_stream=stream, headers={"Content-Length": str(size)}
    )
    assert (answer.status_code, answer.data) == (413, b"")
    assert stream.tell() == 0


def test_a_body_of_exactly_the_cap_is_read() -> None:
    door = Doorway()
    body = event(padding="").replace(
        b'""', b'"' + b"x" * (BODY_LIMIT - len(event(padding=""))) + b'"'
    )
    assert len(body) == BODY_LIMIT
    assert door.post_signed(body).status_code == 200


def test_a_body_without_a_length_is_read_up_to_the_cap() -> None:
    door = Doorway()

    def post(stream: io.BytesIO) -> int:
        return door.client.post(
            f"/webhooks/signed/{PATH}",
            input_stream=stream,
            headers=signed_headers(TIMESTAMPED, event()),
            environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
        ).status_code

    assert post(io.BytesIO(event())) == 200
    endless = io.BytesIO(b"x" * 1_000_000)
    assert post(endless) == 413
    assert endless.tell() == BODY_LIMIT + 1


@pytest.mark.parametrize("length", ["-1", "1e3", " 5", "5 ", "0x10", "٣", "5,5", "9" * 30])
def test_a_length_that_makes_no_sense_is_refused(length: str) -> None:
    door = Doorway()
    answer = door.client.post(
        f"/webhooks/signed/{PATH}",
        input_stream=io.BytesIO(event()),
        headers=signed_headers(TIMESTAMPED, event()),
        environ_overrides={"CONTENT_LENGTH": length},
    )
    assert answer.status_code == 400
    assert door.events == []


def test_a_body_shorter_than_announced_is_refused() -> None:
    door = Doorway(endpoint("plain", None))
    answer = door.client.post(
        f"/webhooks/plain/{PATH}",
        input_stream=io.BytesIO(event()),
        environ_overrides={"CONTENT_LENGTH": str(len(event()) + 1)},
    )
    assert answer.status_code == 400
    assert door.events == []


class Trickle:
    """A stream that gives one byte a read, as a socket may."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        self._at += 1
        return self._data[self._at - 1 : self._at] if size else b""


def test_a_body_that_comes_in_pieces_is_put_together() -> None:
    door = Doorway()
    answer = door.client.post(
        f"/webhooks/signed/{PATH}",
        headers=signed_headers(TIMESTAMPED, event()),
        environ_overrides={"wsgi.input": Trickle(event()), "CONTENT_LENGTH": str(len(event()))},
    )
    assert answer.status_code == 200
    assert door.events[0].body == event()


def test_when_it_cannot_be_stored_the_sender_is_asked_to_come_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    door = Doorway()
    door.inbox.failure = OSError("disk full at some secret place")
    answer = door.post_signed(event())
    assert (answer.status_code, answer.data, answer.headers["Retry-After"]) == (503, b"", "5")
    assert "not_stored_OSError" in caplog.text
    door.inbox.failure = None
    assert door.post_signed(event()).status_code == 200


def test_an_unforeseen_failure_before_the_proof_is_a_401() -> None:
    class Breaks:
        def read(self, size: int = -1) -> bytes:
            raise OSError("connection reset")

    door = Doorway()
    answer = door.client.post(
        f"/webhooks/signed/{PATH}",
        environ_overrides={"wsgi.input": Breaks(), "CONTENT_LENGTH": "10"},
    )
    assert (answer.status_code, answer.data) == (401, b"")


NOT_IDENTIFIABLE: list[Any] = [
    None,
    "",
    " a",
    "a ",
    "x" * 201,
    "é",
    "a\tb",
    1.5,
    True,
    [],
    {},
    2**63,
    "sha256:00",
]


@pytest.mark.parametrize("value", NOT_IDENTIFIABLE, ids=str)
def test_an_event_without_a_usable_id_is_stored_by_its_digest(value: Any) -> None:
    door = Doorway()
    body = event(value)
    assert door.post_signed(body).status_code == 200
    assert door.events[0].event_id == "sha256:" + hashlib.sha256(body).hexdigest()


def test_a_whole_number_identifies_an_event() -> None:
    door = Doorway()
    assert door.post_signed(event(12345)).status_code == 200
    assert door.events[0].event_id == "12345"


def test_another_field_can_identify_an_event() -> None:
    door = Doorway(endpoint(event_id_field="event_key"))
    assert door.post_signed(event("x", event_key="k1")).status_code == 200
    assert door.events[0].event_id == "k1"


def test_where_a_platform_sends_no_ids_every_delivery_is_an_event() -> None:
    clock = FakeClock()
    door = Doorway(endpoint("hints", None, event_id_field=None), now=clock.now)
    for _ in range(2):
        assert door.post(b'{"object_id":"pmt_1"}', name="hints").status_code == 200
        clock.advance(seconds=1)
    assert len(door.events) == 2


def test_refusals_are_counted_in_the_log_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    door = Doorway(now=clock.now)
    for _ in range(500):
        door.post(event())
    assert [record.message for record in caplog.records] == [
        "webhook signed: header_missing (1 times, 1 since the start)"
    ]
    clock.advance(seconds=61)
    door.post(event())
    assert caplog.records[-1].message.endswith("(500 times, 501 since the start)")


def test_no_secret_is_in_a_log_or_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    door = Doorway(endpoint(), endpoint("plain", None, path=("another-path-0123456789-abcdefg",)))
    answers = [
        door.post_signed(event()),
        door.post_signed(event(), secret=OTHER_SECRET),
        door.post_signed(event(), timestamp=NOW - 1000),
        door.post(event(), path=PATH[:-1]),
        door.post(event(), name="unknown\nforged line"),
        door.post(b"x" * 9999),
        door.client.get(f"/webhooks/signed/{PATH}"),
    ]
    door.inbox.failure = RuntimeError(SECRET.decode())
    answers.append(door.post_signed(event("evt_2")))
    written = caplog.text + "".join(f"{answer.headers}{answer.data!r}" for answer in answers)
    for secret in (PATH, OLD_PATH, PATH[:-1], SECRET.decode(), OLD_SECRET.decode(), "another-path"):
        assert secret not in written
    assert "forged line" not in written
    assert "Traceback" not in written


def test_the_clock_of_the_sender_may_be_off_by_the_tolerance_only() -> None:
    for offset, status in ((300, 200), (301, 401), (-300, 200), (-301, 401)):
        door = Doorway(now=lambda offset=offset: START + timedelta(seconds=offset))  # type: ignore[misc]
        assert door.post_signed(event()).status_code == status
