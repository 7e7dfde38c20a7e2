"""Settings and people: who may sign in, which programs may call, and the configuration in force."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.access import current_person, require
from connector.console import here, shown_once
from connector.errors import ConnectorError, Refused
from connector.people.roles import LEAST_ROLES, Permission, Role
from connector.people.tokens import LONGEST_DAYS
from connector.views.configuration import configuration

page = Blueprint("settings", __name__, url_prefix="/settings")

PASSWORD, TOKEN = "settings: password", "settings: token"
"""What is shown once on these pages."""
ROLES = [(role.value, role.label) for role in Role]
APPROVAL = {
    "none": "Whoever may activate a mapping may do so without another person.",
    "second_person": "A mapping is activated only after somebody other than its author approved it.",
}


# -- people -------------------------------------------------------------------------------------------------------


@page.get("")
@require(Permission.PEOPLE_MANAGE)
def show() -> str:
    """Everybody who may sign in; once, the password that was made for somebody."""
    return _people({}, {}, shown_once.take(PASSWORD))


def _people(
    errors: dict[str, str], values: dict[str, str], password: tuple[str, str] | None = None
) -> str:
    return render_template(
        "settings.html",
        people=here.program().people.list(),
        roles=ROLES,
        may={role.label: _may(role) for role in Role},
        errors=errors,
        values=values,
        password=password,
        own=current_person().id,
    )


def _may(role: Role) -> list[str]:
    """What a role may do beside looking, in words."""
    return [
        each.label
        for each, least in LEAST_ROLES.items()
        if any(role.includes(one) for one in least)
    ]


@page.post("/people")
@require(Permission.PEOPLE_MANAGE)
def add_person() -> Response | tuple[str, int]:
    """Add a person. The made-up password is on the next page and nowhere else."""
    values = {name: request.form.get(name, "").strip() for name in ("email", "name", "role")}
    try:
        made = here.program().people.add(
            email=values["email"],
            name=values["name"],
            role=_role(values["role"]),
            by=current_person().actor,
        )
    except Refused as refused:
        return _people({_field_of(refused): str(refused)}, values), 422
    return _with_password(values["email"], made or "")


def _with_password(email: str, password: str) -> Response:
    shown_once.keep(PASSWORD, (email, password))
    return redirect(url_for("settings.show"), 303)


def _field_of(refused: Refused) -> str:
    """Which field of the form a refusal speaks of."""
    if "e-mail" in refused.message:
        return "email"
    return "role" if "role" in refused.message else "name"


def _role(word: str) -> Role:
    if word not in {role.value for role in Role}:
        raise Refused("Choose a role.", remedy="The table below says what each may do.")
    return Role(word)


@page.post("/people/<int:person_id>/password")
@require(Permission.PEOPLE_MANAGE)
def reset_password(person_id: int) -> str | Response:
    """A new one-time password, on the next page and nowhere else. Asked for twice: it ends the person's sessions."""
    people = here.program().people
    person = people.get(person_id)
    if request.form.get("confirmed") != "yes":
        return render_template(
            "confirm.html",
            title=f"New password for {person.name}",
            sentence="The present password and every session of this person end at once. The new password is shown "
            "once, and must be changed at the next sign-in.",
            action=url_for("settings.reset_password", person_id=person_id),
            confirm_text="Make a new password",
            back_url=url_for("settings.show"),
        )
    made = people.reset_password(person_id, by=current_person().actor)
    return _with_password(person.email, made)


@page.post("/people/<int:person_id>/role")
@require(Permission.PEOPLE_MANAGE)
def set_role(person_id: int) -> Response:
    """Give another role, which counts at once."""

    def change(by: str) -> None:
        here.program().people.set_role(person_id, _role(request.form.get("role", "")), by=by)

    return _changed("settings.show", "The role counts from now on.", change)


@page.post("/people/<int:person_id>/disable")
@require(Permission.PEOPLE_MANAGE)
def disable(person_id: int) -> Response:
    """Let a person in no more."""
    people = here.program().people
    said = "This person may sign in no more; every session has ended."
    return _changed("settings.show", said, lambda by: people.disable(person_id, by=by))


@page.post("/people/<int:person_id>/enable")
@require(Permission.PEOPLE_MANAGE)
def enable(person_id: int) -> Response:
    """Let a disabled person in again."""
    people = here.program().people
    return _changed(
        "settings.show",
        "This person may sign in again.",
        lambda by: people.enable(person_id, by=by),
    )


def _changed(endpoint: str, said: str, change: Callable[[str], object]) -> Response:
    """Make a change, and say on the list what came of it."""
    try:
        change(current_person().actor)
    except ConnectorError as error:
        flash(str(error), "bad")
    else:
        flash(said, "good")
    return redirect(url_for(endpoint), 303)


# -- programs -----------------------------------------------------------------------------------------------------


@page.get("/tokens")
@require(Permission.TOKENS_MANAGE)
def tokens() -> str:
    """The API tokens; once, the text of the one that was made."""
    return _tokens({}, {"days": "365"}, shown_once.take(TOKEN))


def _tokens(errors: dict[str, str], values: dict[str, str], token: str | None = None) -> str:
    program = here.program()
    return render_template(
        "settings_tokens.html",
        tokens=program.tokens.list(),
        now=program.clock.now(),
        roles=ROLES,
        errors=errors,
        values=values,
        token=token,
    )


@page.post("/tokens")
@require(Permission.TOKENS_MANAGE)
def new_token() -> Response | tuple[str, int]:
    """Make a token. Its text is on the next page and nowhere else."""
    values = {name: request.form.get(name, "").strip() for name in ("name", "role", "days")}
    try:
        days = _days(values["days"])
    except Refused as refused:
        return _tokens({"days": str(refused)}, values), 422
    try:
        made = here.program().tokens.new(
            name=values["name"],
            role=_role(values["role"]),
            expires_in_days=days,
            by=current_person().actor,
        )
    except Refused as refused:
        return _tokens({_field_of(refused): str(refused)}, values), 422
    shown_once.keep(TOKEN, made.text)
    return redirect(url_for("settings.tokens"), 303)


def _days(text: str) -> int | None:
    """A term in days; None where the field was left empty: without end."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= LONGEST_DAYS):
        raise Refused(
            f"The term is 1 to {LONGEST_DAYS} days.",
            remedy="Leave it empty for a token without end.",
        )
    return int(text)


@page.post("/tokens/<int:token_id>/revoke")
@require(Permission.TOKENS_MANAGE)
def revoke(token_id: int) -> str | Response:
    """End a token. Asked for twice: the program that uses it stops working."""
    listed = here.program().tokens
    if request.form.get("confirmed") != "yes":
        row = next((row for row in listed.list() if row.id == token_id), None)
        return render_template(
            "confirm.html",
            title=f"Revoke {row.name if row else 'this token'}?",
            sentence="The program that uses it is refused from the next call on. It cannot be taken back.",
            rows=[
                f"It begins with ifc_{row.prefix} and may do what a {row.role.replace('_', ' ')} may."
            ]
            if row
            else [],
            action=url_for("settings.revoke", token_id=token_id),
            confirm_text="Revoke it",
            back_url=url_for("settings.tokens"),
            danger=True,
        )
    return _changed("settings.tokens", "Revoked.", lambda by: listed.revoke(token_id, by=by))


# -- the configuration --------------------------------------------------------------------------------------------


@page.get("/configuration")
@require(Permission.CONNECTIONS_MANAGE)
def in_force() -> str:
    """Every option with its value, secrets masked; what an activation demands; the version."""
    program = here.program()
    config = program.config
    return render_template(
        "settings_configuration.html",
        tables=configuration(config),
        warnings=config.warnings,
        path=str(config.path),
        approval=APPROVAL[config.mappings.approval],
        backtest_required=config.mappings.backtest_required,
        version=version("invoice-financing-connector"),
        store="SQLite" if program.database.is_sqlite else "PostgreSQL",
    )
