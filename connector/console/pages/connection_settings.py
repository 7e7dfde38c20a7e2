"""Adding a connection, changing its settings, taking it away. Its form comes from what its system declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.access import current_person, require
from connector.connecting.adding import FLOW, OWN, SETTING, FormRefused, Proposal
from connector.connecting.forms import Field, in_form_words
from connector.console import here
from connector.console.pages.connections import connecting
from connector.errors import ConnectorError, NotFound
from connector.people.roles import Permission
from connector.registry import systems as known_systems
from connector.system import Finding

page = Blueprint("connection_settings", __name__, url_prefix="/connections")


@page.get("/-/new")
@require(Permission.CONNECTIONS_MANAGE)
def choose() -> str:
    """Which system?"""
    found = [(name, adapter.capabilities) for name, adapter in known_systems().items()]  # type: ignore[attr-defined]
    return render_template("connection_choose.html", systems=found)


@page.get("/-/new/<system>")
@require(Permission.CONNECTIONS_MANAGE)
def new(system: str) -> str:
    """The empty form."""
    return _form(system, None, {}, {})


@page.post("/-/new/<system>")
@require(Permission.CONNECTIONS_MANAGE)
def add(system: str) -> str | Response | tuple[str, int]:
    """Try it, and save it when that went well."""
    return _save(system, None)


@page.get("/<name>/settings")
@require(Permission.CONNECTIONS_MANAGE)
def edit(name: str) -> str:
    """The form with what its file says."""
    values = connecting().values(name)
    return _form(values["system"], name, values, {})


@page.post("/<name>/settings")
@require(Permission.CONNECTIONS_MANAGE)
def change(name: str) -> str | Response | tuple[str, int]:
    """Try the changed connection, and save it when that went well."""
    return _save(connecting().values(name)["system"], name)


@page.post("/<name>/remove")
@require(Permission.CONNECTIONS_MANAGE)
def remove(name: str) -> str | Response:
    """Take it away. Asked for twice."""
    connections = connecting()
    connections.values(name)
    if request.form.get("confirmed") != "yes" and not connections.still_to_be_sent(name):
        return render_template(
            "confirm.html",
            title=f"Remove the connection {name}?",
            sentence="It is read no more and statuses are written back no more. Everything that was read, sent and told "
            "stays, and the financier's answers are still taken in.",
            rows=[],
            action=url_for("connection_settings.remove", name=name),
            confirm_text="Remove it",
            back_url=url_for("connections.show", name=name),
            danger=True,
        )
    try:
        by_itself = connections.remove(name, by=current_person().actor)
    except NotFound:
        raise
    except ConnectorError as error:
        flash(str(error), "bad")
        return redirect(url_for("connections.show", name=name), 303)
    return _taken_up(f"{name} was removed.", by_itself)


def _save(system: str, existing: str | None) -> str | Response | tuple[str, int]:
    given = {name: value[:5000] for name, value in request.form.items()}
    given["system"] = system
    connections = connecting()
    findings: list[Finding] = []
    try:
        proposal = connections.propose(given, existing=existing)
        findings = connections.test(proposal)
        well = all(finding.ok for finding in findings)
        if given.get("what") == "test" or not (well or given.get("anyway") == "yes"):
            return _tried(system, existing, given, findings, well)
        return _written(proposal, connections.save(proposal, by=current_person().actor))
    except FormRefused as refused:
        return _form(system, existing, given, refused.errors, findings), 422
    except NotFound:
        raise
    except ConnectorError as error:
        return _form(system, existing, given, {"name": str(error)}, findings), 422


def _tried(
    system: str, existing: str | None, given: Mapping[str, str], findings: list[Finding], well: bool
) -> str | tuple[str, int]:
    shown = _form(system, existing, given, {}, findings)
    return shown if well else (shown, 422)


def _written(proposal: Proposal, by_itself: bool) -> Response:
    verb = "was added" if proposal.is_new else "was changed"
    return _taken_up(f"{proposal.name} {verb}.", by_itself)


def _taken_up(said: str, by_itself: bool) -> Response:
    if by_itself:
        flash(f"{said} The connector takes it up now, once the tasks that run have ended.", "good")
    else:
        flash(f"{said} Restart the connector to take it up.", "wait")
    return redirect(url_for("connections.listing"), 303)


def _form(
    system: str,
    existing: str | None,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    findings: list[Finding] | None = None,
) -> str:
    connections = connecting()
    form = connections.form(system)
    asked = [*form.settings, *form.own, *form.flow]
    return render_template(
        "connection_form.html",
        form=form,
        existing=existing,
        values=values,
        errors={name: in_form_words(said, asked) for name, said in errors.items()},
        findings=findings and [_worded(each, asked) for each in findings],
        kept=connections.has_secrets(existing) if existing else [],
        financiers=list(here.program().config.financiers),
        folder=f"{here.program().config.path.parent}",
        prefixes={"own": OWN, "setting": SETTING, "flow": FLOW},
    )


def _worded(finding: Finding, asked: list[Field]) -> Finding:
    remedy = finding.remedy and in_form_words(finding.remedy, asked)
    return replace(finding, detail=in_form_words(finding.detail, asked), remedy=remedy)
