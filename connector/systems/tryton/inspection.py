"""`connector check` for Tryton: what is tried, what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connector.errors import ConnectorError
from connector.system import Finding
from connector.systems.tryton.client import TrytonClient
from connector.systems.tryton.walk import Walked

_GROUP = "Add the user to the group Accounting (Administration > Users)."
_RIGHTS = (
    ("account.invoice", "read", "read invoices"),
    ("account.move.line", "read", "read due dates"),
    ("party.party", "read", "read parties"),
    ("ir.attachment", "read", "read attachments"),
    ("ir.note", "create", "write notes"),
)


def inspect(client: TrytonClient, settings: Mapping[str, Any], invoices: Walked) -> list[Finding]:
    """Try one thing after the other; stop where the next could not succeed."""
    findings: list[Finding] = []
    try:
        for finding in _findings(client, settings, invoices):
            findings.append(finding)
            if not finding.ok:
                break
    except ConnectorError as error:
        what = "read one page of invoices" if findings else "reach the server"
        findings.append(Finding.of_error(what, error))
    return findings


def _findings(
    client: TrytonClient, settings: Mapping[str, Any], invoices: Walked
) -> Iterator[Finding]:
    yield _version(client)
    yield _login(client, settings["database"])
    yield _module(client)
    yield from _rights(client)
    yield _companies(client, settings["company_id"])
    rows = client.search_read(invoices.model, invoices.domain, ["number"], limit=1)
    yield Finding(
        True,
        "read one page of invoices",
        "An invoice was read." if rows else "There is no invoice yet.",
    )


def _version(client: TrytonClient) -> Finding:
    what = "reach the server"
    try:
        version = client.version()
    except ConnectorError as error:
        return Finding(
            False,
            what,
            error.message,
            error.remedy or "Check `base_url` (the server's root, without the database).",
        )
    major = version.partition(".")[0]
    if not major.isdigit() or int(major) < 8:
        return Finding(
            False, what, f"The server is Tryton {version}.", "Connect Tryton 8.0 or later."
        )
    return Finding(True, what, f"The server is Tryton {version}.")


def _login(client: TrytonClient, database: str) -> Finding:
    what = f"log in to the database {database}"
    try:
        client.ask("model.res.user.get_preferences", True)
    except ConnectorError as error:
        remedy = error.remedy or (
            "Check `database`, and that the server can open it: Tryton answers the same for a database"
            " that does not exist and for one that is away."
        )
        return Finding(False, what, error.message, remedy)
    return Finding(True, what, "The user name and password were accepted.")


def _module(client: TrytonClient) -> Finding:
    what = "find the module account_invoice"
    rows = client.search_read(
        "ir.module", [["name", "=", "account_invoice"], ["state", "=", "activated"]], ["version"]
    )
    if not rows:
        return Finding(
            False,
            what,
            "The module is not activated in this database.",
            "Activate account_invoice (Administration > Modules).",
        )
    return Finding(True, what, f"It is activated, version {rows[0]['version']}.")


def _rights(client: TrytonClient) -> Iterator[Finding]:
    access = client.ask("model.ir.model.access.get_access", [model for model, _, _ in _RIGHTS])
    for model, right, what in _RIGHTS:
        allowed = bool(access.get(model, {}).get(right))
        detail = f"The user may {'' if allowed else 'not '}{right} {model}."
        yield Finding(allowed, what, detail, None if allowed else _GROUP)


def _companies(client: TrytonClient, company_id: int | None) -> Finding:
    """Rows of companies outside the user's filter are absent without a word."""
    what = "see the companies"
    preferences = client.ask("model.res.user.get_preferences", False)
    companies = client.search_read("company.company", [], ["rec_name"])
    names = {row["id"]: str(row["rec_name"]) for row in companies}
    if preferences.get("company_filter") == "all":
        visible = set(preferences.get("companies") or ())
    else:
        visible = {preferences.get("company")}
    visible &= set(names)
    wanted = {company_id} if company_id is not None else set(names)
    hidden = sorted(names.get(key, f"company {key}") for key in wanted - visible)
    if hidden:
        return Finding(
            False,
            what,
            f"Tryton hides the records of {', '.join(hidden)} from this user, without a word.",
            "In the user's form list every company under Companies and set Company Filter to All,"
            " or set `company_id` to a company the user sees.",
        )
    return Finding(True, what, f"The user sees {len(visible)} of {len(names)} companies.")
