"""Deliver events by webhook until they are acknowledged with exactly 200.

Events of one subject (an invoice) go through one lane and keep their order unless a fault or a retry changes it.
Due times follow the sandbox's clock, so that pushing it brings the retries forward. Every attempt and its answer
is a row of the ledger. What can go wrong with a delivery is in `disturbances/delivery.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any, Literal
from urllib.parse import urlsplit

from connector.sandbox.clock import SandboxClock
from connector.sandbox.disturbances.delivery import WEBHOOK_FAULTS, Planned, Sending
from connector.sandbox.fault_catalogue import seconds_of
from connector.sandbox.ledger import instant_text
from connector.sandbox.platform import Sandbox
from connector.sandbox.wire import from_json, to_json

_LONGEST_WAIT_SECONDS = 2.0


@dataclass
class WebhookSettings:
    """Part of a platform's settings. Without `webhook_url` nothing is delivered (state `unregistered`)."""

    webhook_url: str | None = None
    webhook_secret: str | None = None
    """Sign deliveries with this; None signs nothing."""
    webhook_signature_header: str = "Stenn-Signature"
    webhook_signature_scheme: Literal["timestamped", "plain"] = "timestamped"
    """`timestamped`: `t=<unix>,v1=<hex>` over `t.body`; `plain`: `<hex>` over the body. HMAC-SHA-256 both."""
    webhook_signature_clock: Literal["machine", "sandbox"] = "machine"
    webhook_retry_seconds: tuple[float, ...] = (60, 300, 1800, 7200, 21600, 43200, 86400, 86400)
    """Waits between attempts, by the sandbox's clock; after the last one the event is given up."""
    webhook_timeout_seconds: float = 5.0
    webhook_lanes: int = 4
    """How many deliveries are under way at once; read when the platform starts."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Where a delivery goes. `url` None: nowhere; `secret` None: unsigned; `headers` go with each."""

    url: str | None
    secret: str | None
    headers: Mapping[str, str] = field(default_factory=dict)


class WebhookSender:
    """Delivers the events of one platform. `settings` is the platform's own and may change while it runs.

    A platform with several listeners names one as the `target` of each delivery; `listener_of` finds it, when the
    delivery is made. Without a target the listener is the one of the settings.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        settings: WebhookSettings,
        listener_of: Callable[[str], Listener] | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._listener_of = listener_of
        self._settings = settings
        self._lanes = max(settings.webhook_lanes, 1)
        self._wakers: list[Event] = []
        self._threads: list[Thread] = []
        sandbox.wakers.append(self.wake)
        sandbox.closers.append(self._close)

    def start(self) -> None:
        """Begin to deliver, also what an earlier run left."""
        self._sandbox.ledger.write("UPDATE deliveries SET lane = lane % ?", [(self._lanes,)])
        for lane in range(self._lanes):
            waker = Event()
            thread = Thread(
                target=self._run, args=(lane, waker), name=f"webhooks-{lane}", daemon=True
            )
            self._wakers.append(waker)
            self._threads.append(thread)
            thread.start()

    def emit(
        self, event_id: str, event_type: str, subject: str, body: bytes, target: str | None = None
    ) -> None:
        """Plan the delivery of an event: call it in the transaction that changes what the event tells."""
        rule = self._sandbox.faults.take(f"WEBHOOK {event_type}", subject)
        plans = [Planned(body)]
        if rule is not None and rule.fault in WEBHOOK_FAULTS:
            plans = WEBHOOK_FAULTS[rule.fault](Planned(body, fault=rule.fault), rule.options)
        if self._sandbox.recorder is not None:
            for plan in plans:
                self._sandbox.recorder.event(event_type, plan.fault, plan.body)
        if self._listener(target).url is None:
            plans = [replace(plan, state="unregistered") for plan in plans]
        now = self._sandbox.clock.now()
        lane = int.from_bytes(hashlib.sha256(subject.encode()).digest()[:4], "big") % self._lanes
        rows: list[tuple[Any, ...]] = []
        for plan in plans:
            what = (event_id, event_type, subject, lane, plan.body, plan.fault, plan.state)
            due = instant_text(now + timedelta(seconds=plan.delay_seconds))
            rows.append((*what, due, target, to_json(asdict(plan.sending))))
        ledger = self._sandbox.ledger
        with ledger.transaction():
            ledger.write(
                "INSERT INTO deliveries (event_id,event_type,subject,lane,body,fault,state,attempts,due_at,target,"
                "sending) VALUES (?,?,?,?,?,?,?,0,?,?,?)",
                rows,
            )
            # What was held back for reordering comes right after this event.
            ledger.write(
                "UPDATE deliveries SET due_at=? WHERE subject=? AND fault='webhook_reorder' AND state='due'"
                " AND attempts=0 AND event_id<>?",
                [(instant_text(now + timedelta(microseconds=1)), subject, event_id)],
            )
        self.wake()

    def wake(self) -> None:
        """Look again: something is new, or the clock was pushed."""
        for waker in self._wakers:
            waker.set()

    def pending(self) -> int:
        """How many deliveries are still to be made."""
        rows = self._sandbox.ledger.rows("SELECT COUNT(*) AS n FROM deliveries WHERE state='due'")
        return int(rows[0]["n"])

    def _run(self, lane: int, waker: Event) -> None:
        poster = _Poster()
        while not self._sandbox.stopping.is_set():
            waker.clear()
            now = self._sandbox.clock.now()
            found = self._sandbox.ledger.rows(
                "SELECT * FROM deliveries WHERE state='due' AND lane=? ORDER BY due_at, sequence LIMIT 1",
                (lane,),
            )
            if not found or found[0]["due_at"] > instant_text(now):
                due = datetime.fromisoformat(found[0]["due_at"]) if found else None
                wait = (due - now).total_seconds() if due else _LONGEST_WAIT_SECONDS
                waker.wait(min(max(wait, 0.001), _LONGEST_WAIT_SECONDS))
                continue
            row = found[0]
            status, error = self._deliver(poster, row)
            self._write_attempt(row["sequence"], row["event_id"], row["attempts"], status, error)
        poster.close()

    def _deliver(self, poster: _Poster, row: Any) -> tuple[int | None, str | None]:
        listener = self._listener(row["target"])
        told = from_json(row["sending"])
        sending = Sending(**{**told, "pause_seconds": seconds_of(told, "pause_seconds", 0)})
        headers = {**listener.headers, **self._signed(listener.secret, row["body"], sending)}
        headers["Content-Type"] = sending.content_type
        body: bytes | Iterator[bytes] = row["body"]
        if sending.pause_seconds > 0:
            headers["Content-Length"] = str(len(row["body"]))
            body = _drip(row["body"], sending.pause_seconds)
        timeout = self._settings.webhook_timeout_seconds
        return poster.post(listener.url or "", body, headers, timeout)

    def _write_attempt(
        self, sequence: int, event_id: str, attempts: int, status: int | None, error: str | None
    ) -> None:
        now, waits = self._sandbox.clock.now(), self._settings.webhook_retry_seconds
        if status == 200:
            state, due = "acknowledged", now
        elif attempts < len(waits):
            state, due = "due", now + timedelta(seconds=waits[attempts])
        else:
            state, due = "given_up", now
        ledger = self._sandbox.ledger
        with ledger.transaction():
            ledger.write(
                "INSERT INTO attempts (delivery,event_id,at,answer_status,error,acknowledged) VALUES (?,?,?,?,?,?)",
                [(sequence, event_id, instant_text(now), status, error, int(status == 200))],
            )
            ledger.write(
                "UPDATE deliveries SET state=?, attempts=attempts+1, due_at=? WHERE sequence=?",
                [(state, instant_text(due), sequence)],
            )

    def _listener(self, target: str | None) -> Listener:
        if self._listener_of is None or target is None:
            return Listener(self._settings.webhook_url, self._settings.webhook_secret)
        return self._listener_of(target)

    def _signed(self, secret: str | None, body: bytes, sending: Sending) -> dict[str, str]:
        settings = self._settings
        if secret is None or sending.key == "none":
            return {}
        now = (
            SandboxClock.machine_now()
            if settings.webhook_signature_clock == "machine"
            else self._sandbox.clock.now()
        )
        stamp = int(now.timestamp()) + sending.stamp_offset_seconds
        signed = body + b" " if sending.signs_other_bytes else body
        scheme, other = settings.webhook_signature_scheme, f"not {secret}"
        value = signature(scheme, other if sending.key == "other" else secret, stamp, signed)
        if sending.key == "both" and scheme == "timestamped":
            stranger = signature(scheme, other, stamp, signed).partition(",")[2]
            value = f"t={stamp},{stranger},{value.partition(',')[2]}"
        if sending.spoilt:
            value = value[:-1] + ("0" if value[-1] != "0" else "1")
        return {settings.webhook_signature_header: value}

    def _close(self) -> None:
        self.wake()
        for thread in self._threads:
            thread.join()


def signature(scheme: str, secret: str, stamp: int, body: bytes) -> str:
    """The signature header's value; `stamp` is in unix seconds."""
    if scheme == "plain":
        return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    signed = f"{stamp}.".encode() + body
    return f"t={stamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def _drip(body: bytes, pause_seconds: float) -> Iterator[bytes]:
    for place in range(len(body)):
        time.sleep(pause_seconds)
        yield body[place : place + 1]


class _Poster:
    """Posts to one URL over one kept connection."""

    def __init__(self) -> None:
        self._connection: http.client.HTTPConnection | None = None
        self._place: tuple[str, str, float] | None = None

    def post(
        self,
        url: str,
        body: bytes | Iterator[bytes],
        headers: dict[str, str],
        timeout_seconds: float,
    ) -> tuple[int | None, str | None]:
        """(status, None) or (None, what went wrong). A stale kept connection is opened anew once."""
        parts = urlsplit(url)
        place = (parts.scheme, parts.netloc, timeout_seconds)
        if place != self._place:
            self.close()
            self._place = place
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"User-Agent": "connector-sandbox", **headers}
        kept = self._connection is not None and isinstance(body, bytes)
        try:
            return self._send(place, path, body, sent), None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if not kept or isinstance(error, TimeoutError):
                return None, type(error).__name__
        try:
            return self._send(place, path, body, sent), None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return None, type(error).__name__

    def _send(
        self,
        place: tuple[str, str, float],
        path: str,
        body: bytes | Iterator[bytes],
        headers: dict[str, str],
    ) -> int:
        if self._connection is None:
            secure = place[0] == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            self._connection = kind(place[1], timeout=place[2])
        self._connection.request("POST", path, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def close(self) -> None:
        """Give back the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
