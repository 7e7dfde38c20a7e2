"""Failures, sorted by who must act (DESIGN section 7).

    ConnectorError
    |- ConfigError          the operator: refuse to start, name the key and the allowed values
    |- ReconnectRequired    the company's user: the connection is paused until its access is renewed
    |- RateLimited          nobody: try again after `retry_after_seconds`
    |- Unavailable          nobody: try again later, nothing was done at the other side
    |- Refused              support: the other side said no, in its own words
    |  `- NotFound          support: the other side has no such thing
    |- Unsupported          support: the system does not offer this, by name
    |- ContractDrift        us: the answer has not the promised shape
    |- RecordRejected       the admin: one record cannot be right, at `field_path`
    |- OutcomeUnknown       the machine, then a person: it may or may not have happened
    `- InvariantBroken      us: two facts that must agree do not

Every message is one plain sentence without secrets or payloads; `remedy` says what to do about it.
"""

from __future__ import annotations


class ConnectorError(Exception):
    """Base of all our failures. `exit_code` is what the CLI ends with when nothing handled it."""

    exit_code = 1
    retryable = False

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}" if self.remedy else self.message


class ConfigError(ConnectorError):
    """The configuration cannot be used. Nothing was started."""

    exit_code = 3


class ReconnectRequired(ConnectorError):
    """The credentials were refused, or the grant has ended."""

    exit_code = 4


class RateLimited(ConnectorError):
    """The other side asked us to wait. The request had no effect."""

    exit_code = 5
    retryable = True

    def __init__(
        self, message: str, *, retry_after_seconds: float | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(ConnectorError):
    """The other side could not be reached or could not answer. The request had no effect."""

    exit_code = 5
    retryable = True


class Refused(ConnectorError):
    """The other side understood the request and said no."""

    exit_code = 6

    def __init__(
        self, message: str, *, http_status: int | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.http_status = http_status


class NotFound(Refused):
    """The other side has no such thing."""


class Unsupported(ConnectorError):
    """The system does not offer this."""

    exit_code = 6


class ContractDrift(ConnectorError):
    """An answer has not the shape its documents promise. The stream stops, its cursor stays."""

    exit_code = 7


class RecordRejected(ConnectorError):
    """One record cannot be right. It waits in the error inbox; the rest goes on."""

    exit_code = 8

    def __init__(self, message: str, *, field_path: str, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.field_path = field_path


class OutcomeUnknown(ConnectorError):
    """The request left, and no usable answer came back: it may have taken effect."""

    exit_code = 9


class InvariantBroken(ConnectorError):
    """Two facts that must agree do not. Nothing further is sent for the record concerned."""

    exit_code = 10
