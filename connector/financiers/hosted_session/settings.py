"""Settings of a hosted-session account: its profile, its credentials, and what of the profile is other for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from connector.config.fields import SecretField, folder_of_paths
from connector.errors import ConfigError
from connector.financiers.hosted_session.profile import DEFAULT, Profile, load_profile
from connector.financiers.hosted_session.profile_schema import (
    currencies_field,
    header_field,
    path_field,
    token_url_field,
)
from connector.transport import TransportSchema

CREDENTIALS = {
    "client_credentials": ("client_id", "client_secret"),
    "basic": ("client_id", "client_secret"),
    "bearer": ("api_key",),
    "api_key": ("api_key",),
}
"""Which of the credentials a way of signing in takes."""


class HostedSessionSchema(TransportSchema):
    """`base_url` is the host's without a version, for example `https://HOST` or `https://HOST/sandbox`.

    Everything but the credentials is left out by default: then the profile says it. Loads with the profile, as it is
    for this account, under `profile`.
    """

    profile = fields.String(load_default=DEFAULT, validate=validate.Length(min=1, max=500))
    client_id = fields.String(load_default=None, validate=validate.Length(min=1))
    client_secret = SecretField(load_default=None)
    api_key = SecretField(load_default=None)
    token_url = token_url_field(load_default=None)
    token_early_seconds = fields.Float(load_default=None, validate=validate.Range(min=0))
    """How long before its end a token is replaced."""
    token_life_seconds_max = fields.Float(load_default=None, validate=validate.Range(min=60))
    companies_path = path_field(load_default=None)
    documents_path = path_field(load_default=None)
    invoices_path = path_field(load_default=None)
    sessions_path = path_field(load_default=None)
    buyer_limits_path = path_field(load_default=None)
    cancel_session_path = path_field(load_default=None)
    """Has `{session}` where the session's id stands."""
    document_encoding = fields.String(
        load_default=None, validate=validate.OneOf(("multipart", "json_base64"))
    )
    supporting_document_key = fields.String(load_default=None)
    supporting_invoice_key = fields.String(load_default=None)
    invoice_filter = fields.String(load_default=None)
    """Query parameter by which the list of invoices finds a client reference, where there is one."""
    session_filter = fields.String(load_default=None)
    """Query parameter by which the list of sessions finds those of an invoice, where there is one."""
    idempotency_header = header_field(load_default=None)
    """Header that makes a repeated creation of an invoice harmless, where there is one."""
    company_contacts = fields.Boolean(load_default=None)
    buyer_limits_required = fields.Boolean(load_default=None)
    currencies = currencies_field(load_default=None)
    type_of_goods = fields.List(fields.String(), load_default=list)
    """What is said of an invoice whose mapping says nothing."""
    locale = fields.String(load_default=None)
    signs_webhooks = fields.Boolean(load_default=None)

    @post_load
    def _with_profile(self, loaded: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Read the profile, and lay the account's own settings over it. Raises ValidationError."""
        try:
            profile = _for_account(load_profile(loaded["profile"], folder_of_paths()), loaded)
        except ConfigError as error:
            raise ValidationError(str(error), "profile") from None
        for key in CREDENTIALS[profile.access.scheme]:
            if loaded[key] is None:
                sentence = f"this key is missing: the profile signs in by {profile.access.scheme}."
                raise ValidationError(sentence, key)
        cancel_path = profile.paths.cancel_session
        if cancel_path is not None and "{session}" not in cancel_path:
            raise ValidationError(
                "the path must name the session: {session}.", "cancel_session_path"
            )
        known = profile.requests
        for key, given, allowed in (
            ("locale", [loaded["locale"]] if loaded["locale"] else [], known.locales),
            ("type_of_goods", loaded["type_of_goods"], known.types_of_goods),
        ):
            if not set(given) <= set(allowed):
                raise ValidationError(f"expected one of: {', '.join(allowed) or 'none'}.", key)
        return {**loaded, "profile": profile}

    @staticmethod
    def required_of_flow(settings: Mapping[str, Any]) -> Sequence[str]:
        """What the profile says that its sessions are not taken without."""
        profile: Profile = settings["profile"]
        return profile.requests.required_of_flow

    @staticmethod
    def webhook_signature(table: Mapping[str, Any]) -> Mapping[str, Any]:
        """What an account's table says about the signature of webhooks without saying it: its profile's words. A
        profile that cannot be used says nothing here; loading the settings tells why."""
        given = table.get("profile", DEFAULT)
        try:
            return load_profile(given, folder_of_paths()).signature if given else {}
        except (ConfigError, TypeError):
            return {}


def _for_account(profile: Profile, given: Mapping[str, Any]) -> Profile:
    """The profile with what the account's settings say otherwise."""

    def said(**keys: str) -> dict[str, Any]:
        return {ours: given[key] for ours, key in keys.items() if given[key] is not None}

    session = {
        **profile.fields["session"],
        **said(
            supporting_document="supporting_document_key",
            supporting_invoice="supporting_invoice_key",
        ),
    }
    requests = said(
        document_encoding="document_encoding",
        idempotency_header="idempotency_header",
        invoice_filter="invoice_filter",
        session_filter="session_filter",
        company_contacts="company_contacts",
        currencies="currencies",
    )
    if "currencies" in requests:
        requests["currencies"] = tuple(requests["currencies"])
    return replace(
        profile,
        access=replace(
            profile.access,
            **said(
                token_url="token_url",
                token_early_seconds="token_early_seconds",
                token_life_seconds_max="token_life_seconds_max",
            ),
        ),
        paths=replace(
            profile.paths,
            **said(
                companies="companies_path",
                documents="documents_path",
                invoices="invoices_path",
                sessions="sessions_path",
                buyer_limits="buyer_limits_path",
                cancel_session="cancel_session_path",
            ),
        ),
        requests=replace(profile.requests, **requests),
        fields={**profile.fields, "session": session},
        **said(limits_required="buyer_limits_required", signs_webhooks="signs_webhooks"),
    )
