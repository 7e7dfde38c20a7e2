"""Deliver events by webhook until they are acknowledged with exactly 200.

Events of one subject (an invoice) go through one lane and keep their order unless a fault or a retry changes it.
Due times follow the sandbox's clock, so that pushing it brings the retries forward. Every attempt and its answer
is a row of the ledger.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Literal
from urllib.parse import urlsplit

from connector.sandbox.clock import SandboxClock
from connector.sandbox.ledger import instant_text
from connector.sandbox.platform import Sandbox

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
class Planned:
    """One delivery to come. `fault` is remembered for signing and for the reader of the ledger."""

    body: bytes
    delay_seconds: float = 0.0
    state: str = "due"
    fault: str | None = None


WebhookFault = Callable[[Planned, dict[str, object]], list[Planned]]


def _number(options: dict[str, object], name: str, default: float) -> float:
    return float(str(options.get(name, default)))


def _duplicate(plan: Planned, options: dict[str, object]) -> list[Planned]:
    return [plan] * int(_number(options, "copies", 2))


def _delay(plan: Planned, options: dict[str, object]) -> list[Planned]:
    return [replace(plan, delay_seconds=_number(options, "seconds", 60))]


def _reorder(plan: Planned, options: dict[str, object]) -> list[Planned]:
    return [replace(plan, delay_seconds=_number(options, "seconds", 5))]


def _lose(plan: Planned, _options: dict[str, object]) -> list[Planned]:
    return [replace(plan, state="lost")]


def _as_it_is(plan: Planned, _options: dict[str, object]) -> list[Planned]:
    return [plan]


def _cut_body(plan: Planned, _options: dict[str, object]) -> list[Planned]:
    return [replace(plan, body=plan.body[: len(plan.body) // 2])]


WEBHOOK_FAULTS: dict[str, WebhookFault] = {
    "webhook_duplicate": _duplicate,  # option `copies`
    "webhook_delay": _delay,  # option `seconds`, by the sandbox's clock
    "webhook_reorder": _reorder,  # comes after the next event of the same subject, at the latest after `seconds`
    "webhook_lose": _lose,
    "webhook_bad_signature": _as_it_is,
    "webhook_old_timestamp": _as_it_is,
    "webhook_unsigned": _as_it_is,
    "webhook_cut_body": _cut_body,
}


class WebhookSender:
    """Delivers the events of one platform. `settings` is the platform's own and may change while it runs."""

    def __init__(self, sandbox: Sandbox, settings: WebhookSettings) -> None:
        self._sandbox = sandbox
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

    def emit(self, event_id: str, event_type: str, subject: str, body: bytes) -> None:
        """Plan the delivery of an event: call it in the transaction that changes what the event tells."""
        rule = self._sandbox.faults.take(f"WEBHOOK {event_type}")
        plans = [Planned(body)]
        if rule is not None and rule.fault in WEBHOOK_FAULTS:
            options: dict[str, object] = dict(rule.options)
            plans = WEBHOOK_FAULTS[rule.fault](replace(plans[0], fault=rule.fault), options)
        if self._settings.webhook_url is None:
            plans = [replace(plan, state="unregistered") for plan in plans]
        now = self._sandbox.clock.now()
        lane = int.from_bytes(hashlib.sha256(subject.encode()).digest()[:4], "big")
        lane %= self._lanes
        dues = [instant_text(now + timedelta(seconds=plan.delay_seconds)) for plan in plans]
        ledger = self._sandbox.ledger
        with ledger.transaction():
            ledger.write(
                "INSERT INTO deliveries (event_id,event_type,subject,lane,body,fault,state,attempts,due_at)"
                " VALUES (?,?,?,?,?,?,?,0,?)",
                [
                    (event_id, event_type, subject, lane, plan.body, plan.fault, plan.state, due)
                    for plan, due in zip(plans, dues, strict=True)
                ],
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
            signing = self._signature(row["body"], row["fault"])
            settings = self._settings
            status, error = poster.post(
                settings.webhook_url or "", row["body"], signing, settings.webhook_timeout_seconds
            )
            self._write_attempt(row["sequence"], row["event_id"], row["attempts"], status, error)
        poster.close()

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

    def _signature(self, body: bytes, fault: str | None) -> dict[str, str]:
        settings = self._settings
        if settings.webhook_secret is None or fault == "webhook_unsigned":
            return {}
        now = (
            SandboxClock.machine_now()
            if settings.webhook_signature_clock == "machine"
            else self._sandbox.clock.now()
        )
        stamp = int(now.timestamp()) - (86_400 if fault == "webhook_old_timestamp" else 0)
        value = signature(settings.webhook_signature_scheme, settings.webhook_secret, stamp, body)
        if fault == "webhook_bad_signature":
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


class _Poster:
    """Posts to one URL over one kept connection."""

    def __init__(self) -> None:
        self._connection: http.client.HTTPConnection | None = None
        self._place: tuple[str, str, float] | None = None

    def post(
        self, url: str, body: bytes, headers: dict[str, str], timeout_seconds: float
    ) -> tuple[int | None, str | None]:
        """(status, None) or (None, what went wrong). A stale kept connection is opened anew once."""
        parts = urlsplit(url)
        place = (parts.scheme, parts.netloc, timeout_seconds)
        if place != self._place:
            self.close()
            self._place = place
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"Content-Type": "application/json", "User-Agent": "connector-sandbox", **headers}
        kept = self._connection is not None
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
        self, place: tuple[str, str, float], path: str, body: bytes, headers: dict[str, str]
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
