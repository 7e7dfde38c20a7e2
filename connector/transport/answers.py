"""What an answer means: each ending of a request as one class of `connector.errors`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from connector import strict_json
from connector.errors import (
    ConnectorError,
    ContractDrift,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ReconnectRequired,
    Refused,
    Unavailable,
)

LONGEST_WAIT_SECONDS = 3600.0
"""What an absurd Retry-After is cut to."""

_EARLIEST_INSTANT_SECONDS = 1e9
"""A larger number is an instant in Unix seconds (after 2001), a smaller one a duration."""

_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that was not an error. `headers` are looked up in any case; `body` is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    safe: bool
    what: str
    """Which request it answers, for messages: `NAME: GET /path`."""

    def json(self) -> Any:
        """The body as strict JSON. Raises ContractDrift, or OutcomeUnknown when the request may have had effect."""
        try:
            return strict_json.loads(self.body)
        except strict_json.JsonRefused as error:
            raise self.misshapen(f"{error}.") from None

    def misshapen(self, sentence: str) -> ConnectorError:
        """The error to raise when the answer has not the promised shape. `sentence` must hold no content."""
        if self.safe:
            return ContractDrift(f"{self.what}: {sentence}")
        return OutcomeUnknown(f"{self.what} was sent, and the answer is unusable: {sentence}")


class NotSentError(Exception):
    """The connection failed before anything of the request left. Never leaves the transport."""


class LostError(Exception):
    """The request left, at least in part, and no whole answer came. Never leaves the transport."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answer as read from the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    broken: str | None = None
    """Why the body is not whole or not usable, in words; None when it is."""


def after_failure(what: str, failure: NotSentError | LostError, *, safe: bool) -> ConnectorError:
    """The error of a request that got no answer."""
    if isinstance(failure, NotSentError):
        return Unavailable(f"{what} could not be sent: {failure}")
    if safe:
        return Unavailable(f"{what} got no answer: {failure}")
    return OutcomeUnknown(f"{what} was sent and got no answer: {failure}")


def is_worth_another_try(status: int) -> bool:
    """Whether a request without effect may be sent again after this status."""
    return status in (408, 425, 429, 500, 502, 503, 504)


def raise_for(
    what: str,
    status: int,
    words: str,
    *,
    safe: bool,
    retry_after_seconds: float | None,
    forbidden_means_reconnect: bool,
) -> NoReturn:
    """Raise the error that an answer outside 2xx stands for. `words` are the platform's own, cleaned."""
    said = f"{what} was answered with HTTP {status}: {words}"
    if status == 429:
        raise RateLimited(said, retry_after_seconds=retry_after_seconds)
    if status == 401 or (status == 403 and forbidden_means_reconnect):
        raise ReconnectRequired(said, remedy="Check the credentials of this connection.")
    if 300 <= status < 400:
        # 302 and 303 are also how a server says "done, now look there".
        if not safe and status in (302, 303):
            raise OutcomeUnknown(f"{what} was sent and answered with a redirect, HTTP {status}.")
        raise ContractDrift(
            f"{what} was answered with a redirect, HTTP {status}, which is never followed.",
            remedy="Check `base_url`.",
        )
    if status >= 500 or status in (408, 425) or status < 200:
        raise (Unavailable(said) if safe else OutcomeUnknown(said))
    if status == 404:
        raise NotFound(said, http_status=status)
    raise Refused(said, http_status=status)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait by `Retry-After`, either form; None when absent or unusable.

    A date is compared with the server's own `Date` where it sends one: its clock need not be ours.
    """
    stated = (headers.get("Retry-After") or "").strip()
    if _SECONDS.fullmatch(stated):
        return min(float(stated), LONGEST_WAIT_SECONDS)
    until = _instant(stated)
    if until is None:
        return None
    since = _instant(headers.get("Date") or "") or now
    return min(max((until - since).total_seconds(), 0.0), LONGEST_WAIT_SECONDS)


def spent_for(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds until the platform's budget is new, by `RateLimit-Remaining` and `RateLimit-Reset`; None while some of it
    is left or nothing usable is said.

    The reset is either seconds from now or an instant in Unix seconds: both are in use.
    """
    if (headers.get("RateLimit-Remaining") or "").strip() != "0":
        return None
    stated = (headers.get("RateLimit-Reset") or "").strip()
    if not _SECONDS.fullmatch(stated):
        return None
    seconds = float(stated)
    if seconds > _EARLIEST_INSTANT_SECONDS:
        seconds -= (_instant(headers.get("Date") or "") or now).timestamp()
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)


def _instant(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
