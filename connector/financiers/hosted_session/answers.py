"""Reading the platform's answers by its profile: exact in money, tolerant where documents contradict themselves."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from connector.errors import ContractDrift
from connector.financier import (
    BuyerLimit,
    Contact,
    EventHint,
    FinancingStatus,
    LimitStatus,
    RemoteCompany,
    RemoteInvoice,
    SessionStatus,
    StepResult,
)
from connector.financier_answers import (
    Misshapen,
    a_date,
    a_text,
    an_object,
    at,
    instant_or_none,
    text_or_none,
)
from connector.financiers.hosted_session.profile import Profile
from mappings.money import MoneyError, exponent, minor_units, whole_minor_units


class Reader:
    """Reads what a platform with this profile answers."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._answers = profile.answers
        self._fields = profile.fields

    def invoice(self, value: Any, raw: bytes) -> RemoteInvoice:
        """An invoice object. Raises Misshapen."""
        names = self._fields["invoice"]
        invoice = an_object(value, "invoice")
        currency = a_text(invoice, names["currency"]).upper()
        status = a_text(invoice, names["status"])
        due_date = at(invoice, names["due_date"])
        financing = at(invoice, names["financing"]) or {}
        if not isinstance(financing, Mapping):
            raise Misshapen(f"`{names['financing']}` is not an object")
        return RemoteInvoice(
            remote_id=a_text(invoice, names["id"]),
            client_reference_id=text_or_none(at(invoice, names["client_reference_id"])),
            currency=currency,
            amount_minor_units=self._money(
                at(invoice, names["amount"]), currency, names["amount"], signed=False
            ),
            due_date=None if due_date is None else a_date(due_date, names["due_date"]),
            raw_status=status,
            status=self._profile.invoice_words.get(status.lower(), FinancingStatus.UNKNOWN),
            sessions=self._sessions(at(invoice, names["sessions"])),
            financing=self._parts(financing, currency, names["financing"]),
            raw=raw,
        )

    def invoice_with(self, value: Any, client_reference_id: str) -> list[RemoteInvoice]:
        """Those invoices of a list that bear the reference. Raises Misshapen."""
        field = self._fields["invoice"]["client_reference_id"]
        return [
            self.invoice(one, b"")
            for one in self.objects_of(value, self._answers.list_items)
            if at(one, field) == client_reference_id
        ]

    def tells_content(self, created: Mapping[str, Any]) -> bool:
        """Whether the answer to a creation is a whole invoice."""
        names = self._fields["invoice"]
        return all(
            at(created, names[field]) is not None for field in ("amount", "currency", "status")
        )

    def id_of(self, value: Any, thing: str) -> str:
        """What an object was given for an id. Raises Misshapen."""
        return a_text(an_object(value, thing), self._fields[thing]["id"])

    def companies(self, value: Any) -> list[RemoteCompany]:
        """A list of companies. Raises Misshapen."""
        return [self.company(one) for one in self.list_of(value, self._answers.list_items)]

    def company(self, value: Any) -> RemoteCompany:
        """A company object. Raises Misshapen."""
        names = self._fields["company"]
        company = an_object(value, "company")
        country = text_or_none(at(company, names["country"]))
        told = at(company, names["limit"])
        limit = self.limit(told) if isinstance(told, Mapping) else None
        return RemoteCompany(
            company_id=a_text(company, names["id"]),
            name=a_text(company, names["name"]),
            country=(country or "").upper() or None,
            buyer_limit_status=None if limit is None else limit.raw_status,
            buyer_limit=limit,
            contacts=self._contacts(at(company, names["contacts"])),
        )

    def limit(self, told: Mapping[str, Any]) -> BuyerLimit | None:
        """A buyer limit; None where it has no status yet. An amount that is not exact money is left out: it decides
        nothing."""
        names = self._fields["limit"]
        word = text_or_none(at(told, names["status"]))
        if word is None:
            return None
        currency = self._profile.requests.limit_currency

        def amount(field: str) -> int | None:
            try:
                return self._money(at(told, names[field]), currency, names[field])
            except Misshapen:
                return None

        return BuyerLimit(
            status=self._profile.limit_words.get(word.lower(), LimitStatus.UNKNOWN),
            raw_status=word,
            currency=currency,
            requested_minor_units=amount("requested"),
            total_minor_units=amount("total"),
            available_minor_units=amount("available"),
        )

    def session_status(self, value: Any) -> SessionStatus:
        """A session object's status in our words. Raises Misshapen for what is no object."""
        return self.session_word(at(an_object(value, "session"), self._fields["session"]["status"]))

    def session_word(self, word: Any) -> SessionStatus:
        """A session's status in our words."""
        return self._profile.session_words.get(str(word).strip().lower(), SessionStatus.UNKNOWN)

    def session_result(self, value: Any) -> StepResult:
        """A session as the result of its step. Raises Misshapen."""
        names = self._fields["session"]
        session = an_object(value, "session")
        url = a_web_address(session, names["session_url"])
        return StepResult(a_text(session, names["id"]), {"session_url": url})

    def sessions_of(self, value: Any, invoice_id: str) -> list[tuple[SessionStatus, Any]]:
        """Status and object of those sessions of a list that are about an invoice. Raises Misshapen."""
        return [
            (self.session_status(one), one)
            for one in self.objects_of(value, self._answers.list_items)
            if invoice_id in self.invoices_of(one)
        ]

    def invoices_of(self, session: Mapping[str, Any]) -> set[str]:
        """The ids of a session's invoices: a list of hashes or of ids, in a list wrapper or bare."""
        field, name = self._fields["session"]["invoices"], self._fields["invoice"]["id"]
        listed = self.list_of(at(session, field), field)
        named = [at(entry, name) if isinstance(entry, Mapping) else entry for entry in listed]
        return {one for one in named if isinstance(one, str)}

    def event(self, body: Mapping[str, Any]) -> EventHint:
        """A webhook body. The resource may also lie one object further out than the profile says.

        Raises ContractDrift when it is no event of this platform.
        """
        names = self._fields["event"]
        try:
            event_id, event_type = a_text(body, names["id"]), a_text(body, names["type"])
        except Misshapen as error:
            raise ContractDrift(f"The webhook is no event of this financier: {error}.") from None
        resource = at(body, names["resource"])
        if not isinstance(resource, Mapping) and "." in names["resource"]:
            resource = at(body, names["resource"].rpartition(".")[0])
        if not isinstance(resource, Mapping):
            resource = {}
        reference = at(resource, self._fields["invoice"]["client_reference_id"])
        return EventHint(
            event_id=event_id,
            event_type=event_type,
            remote_invoice_id=self._invoice_named(resource, event_type),
            client_reference_id=text_or_none(reference),
            created_at=instant_or_none(at(body, names["created"])),
        )

    def list_of(self, value: Any, what: str) -> list[Any]:
        """A list, bare or in its wrapper; nothing is an empty one. Raises Misshapen."""
        items = self._answers.list_items
        listed = at(value, items) if isinstance(value, Mapping) else value
        if listed is None and (value is None or items.partition(".")[0] in value):
            return []
        if not isinstance(listed, list):
            raise Misshapen(f"`{what}` is not a list")
        return listed

    def objects_of(self, value: Any, what: str) -> list[Mapping[str, Any]]:
        """A list of objects, as `list_of` takes it. Raises Misshapen."""
        return [an_object(entry, what) for entry in self.list_of(value, what)]

    def says_there_is_more(self, value: Any) -> bool:
        """Whether a list says that it is not whole."""
        return isinstance(value, Mapping) and any(
            value.get(name) for name in self._answers.list_goes_on
        )

    def _sessions(self, value: Any) -> tuple[tuple[str, SessionStatus], ...]:
        names = self._fields["session"]
        field = self._fields["invoice"]["sessions"]
        return tuple(
            (a_text(session, names["id"]), self.session_word(at(session, names["status"])))
            for session in self.objects_of(value, field)
        )

    def _parts(self, told: Mapping[str, Any], currency: str, name: str) -> dict[str, int]:
        return {
            self._profile.parts.get(part, part): self._money(amount, currency, f"{name}.{part}")
            for part, amount in told.items()
            if self._may_be_money(amount)
        }

    def _may_be_money(self, value: Any) -> bool:
        if self._profile.requests.amount == "major_text":
            return isinstance(value, str) and value.lstrip("-")[:1].isdecimal()
        return isinstance(value, int | Decimal) and not isinstance(value, bool)

    def _money(self, value: Any, currency: str, name: str, *, signed: bool = True) -> int:
        try:
            if self._profile.requests.amount == "minor":
                exponent(
                    currency, field="`currency`"
                )  # minor units of what is no currency are no money
                return whole_minor_units(value, field=f"`{name}`", signed=signed)
            return minor_units(value, currency, field=f"`{name}`", signed=signed)
        except MoneyError as error:
            raise Misshapen(f"{error.field} {error.requirement}") from None

    def _contacts(self, value: Any) -> tuple[Contact, ...]:
        """People as far as they are told; nothing depends on them, so what is misshapen is left out."""
        names = self._fields["contact"]
        try:
            listed = [one for one in self.list_of(value, "contacts") if isinstance(one, Mapping)]
        except Misshapen:
            return ()
        return tuple(
            Contact(
                **{
                    field: text_or_none(at(one, names[field]))
                    for field in ("first_name", "last_name", "email", "phone")
                },
                is_signatory=at(one, names["is_signatory"]) is True,
                is_request_recipient=at(one, names["is_request_recipient"]) is True,
            )
            for one in listed
        )

    def _invoice_named(self, resource: Mapping[str, Any], event_type: str) -> str | None:
        """The invoice an event is about, None where it is about something else."""
        kinds = self._answers
        kind = text_or_none(at(resource, kinds.kind))
        about_invoice = kind is None and event_type.startswith(kinds.invoice_event_prefix)
        if kind == kinds.invoice_kind or about_invoice:
            return text_or_none(at(resource, self._fields["invoice"]["id"]))
        if kind == kinds.session_kind:
            try:
                named = self.invoices_of(resource)
            except Misshapen:
                return None
            return named.pop() if len(named) == 1 else None
        return None


def a_web_address(holder: Mapping[str, Any], path: str) -> str:
    """An http(s) URL that a person will be sent to. Raises Misshapen."""
    value = a_text(holder, path)
    try:
        parts = urlsplit(value)
    except ValueError:
        raise Misshapen(f"`{path}` is not a web address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Misshapen(f"`{path}` is not a web address")
    return value
