"""Commands for people and API tokens. Whoever may run them can read the store anyway; each is in the audit log."""

from __future__ import annotations

import sys

import click

from connector.bootstrap import Program
from connector.cli.decide import operator
from connector.cli.main import Invocation, cli, json_option, pass_invocation
from connector.cli.output import ROW_NUMBER, print_json, print_table, say
from connector.errors import ConfigError
from connector.people.random_texts import new_code
from connector.people.roles import Role
from connector.people.tokens import LONGEST_DAYS
from connector.store.people import PersonRow, TokenRow
from connector.views import instant

DEMO_EMAIL = "demo@example.com"
role_choice = click.Choice([role.value for role in Role])
password_option = click.option(
    "--password-stdin",
    "from_stdin",
    is_flag=True,
    help="Read the password from standard input, instead of making one up.",
)


@cli.group()
def user() -> None:
    """People who may sign in to the pages."""


@user.command("add")
@click.argument("email")
@click.option("--name", help="Default: what stands before the @.")
@click.option("--role", type=role_choice, default=Role.VIEWER.value, show_default=True)
@password_option
@pass_invocation
def user_add(
    invocation: Invocation, email: str, name: str | None, role: str, from_stdin: bool
) -> None:
    """Add a person. A made-up password is printed once, to be changed at the first sign-in."""
    given = _password_from_stdin() if from_stdin else None
    with invocation.program() as program:
        made_up = program.people.add(
            email=email,
            name=name or email.partition("@")[0],
            role=Role(role),
            by=operator(),
            password=given,
        )
    say(f"Added {email} as {role}.")
    _print_password(made_up)


@user.command("list")
@json_option
@pass_invocation
def user_list(invocation: Invocation, as_json: bool) -> None:
    """Show everybody who may or might sign in, the disabled too."""
    with invocation.program() as program:
        lines = [_person(row) for row in program.people.list()]
    if as_json:
        print_json(lines)
        return
    columns = ["email", "name", "role", "state", "signs in by", "last sign-in"]
    print_table(
        "People",
        columns,
        [
            (n["email"], n["name"], n["role"], n["state"], n["signs_in_by"], n["last_sign_in_at"])
            for n in lines
        ],
        empty="nobody may sign in yet. Add the first admin: `connector user add EMAIL --role admin`.",
    )


@user.command("disable")
@click.argument("email")
@click.option("--undo", is_flag=True, help="Let the person in again.")
@pass_invocation
def user_disable(invocation: Invocation, email: str, undo: bool) -> None:
    """Let a person in no more; their sessions end at once."""
    with invocation.program() as program:
        person = program.people.by_email(email)
        change = program.people.enable if undo else program.people.disable
        change(person.id, by=operator())
    say(f"{person.email} may sign in again." if undo else f"{person.email} may sign in no more.")


@user.command("set-password")
@click.argument("email")
@password_option
@pass_invocation
def user_set_password(invocation: Invocation, email: str, from_stdin: bool) -> None:
    """Give a person another password; their sessions end. A made-up one is printed once."""
    given = _password_from_stdin() if from_stdin else None
    with invocation.program() as program:
        person = program.people.by_email(email)
        if given is None:
            _print_password(program.people.reset_password(person.id, by=operator()))
        else:
            program.people.set_password(person.id, given, by=operator())
    say(f"{person.email} has a new password.")


@user.command("set-role")
@click.argument("email")
@click.argument("role", type=role_choice)
@pass_invocation
def user_set_role(invocation: Invocation, email: str, role: str) -> None:
    """Give a person another role, which counts at once."""
    with invocation.program() as program:
        person = program.people.by_email(email)
        program.people.set_role(person.id, Role(role), by=operator())
    say(f"{person.email} is {role} now.")


# -- API tokens -------------------------------------------------------------------------------------------------------


@cli.group()
def token() -> None:
    """API tokens, by which programs use the REST API."""


@token.command("new")
@click.argument("name")
@click.option("--role", type=role_choice, default=Role.VIEWER.value, show_default=True)
@click.option(
    "--days",
    type=click.IntRange(1, LONGEST_DAYS),
    default=365,
    show_default=True,
    help="How long it lasts.",
)
@click.option("--without-end", is_flag=True, help="It lasts until it is revoked.")
@pass_invocation
def token_new(invocation: Invocation, name: str, role: str, days: int, without_end: bool) -> None:
    """Make a token for a program called NAME. It is printed once, to standard output."""
    with invocation.program() as program:
        made = program.tokens.new(
            name=name,
            role=Role(role),
            expires_in_days=None if without_end else days,
            by=operator(),
        )
    click.echo(made.text)
    say("Keep it where only that program reads it; it is not shown again.")


@token.command("list")
@json_option
@pass_invocation
def token_list(invocation: Invocation, as_json: bool) -> None:
    """Show all tokens, the revoked too, and when each was last used."""
    with invocation.program() as program:
        lines = [_token(row) for row in program.tokens.list()]
    if as_json:
        print_json(lines)
        return
    columns = ["id", "name", "begins with", "role", "made by", "ends", "last used", "revoked"]
    print_table(
        "API tokens",
        columns,
        [
            (
                n["id"],
                n["name"],
                n["prefix"],
                n["role"],
                n["created_by"],
                n["expires_at"],
                n["last_used_at"],
                n["revoked_at"],
            )
            for n in lines
        ],
        empty="none.",
    )


@token.command("revoke")
@click.argument("token_id", type=ROW_NUMBER)
@pass_invocation
def token_revoke(invocation: Invocation, token_id: int) -> None:
    """End a token at once, by its id in `connector token list`."""
    with invocation.program() as program:
        program.tokens.revoke(token_id, by=operator())
    say("Revoked.")


def tell_how_to_begin(program: Program, address: str) -> None:
    """Print the set-up code while there is no admin."""
    code = program.sign_in.new_set_up_code()
    if code is not None:
        say(
            f"Nobody can sign in yet. Open {address}set-up and make the first admin with this set-up code:\n\n"
            f"    {code}\n\nIt is good for a day, and once."
        )


def let_demo_in(program: Program, address: str) -> None:
    """Make the demo's admin, with a fresh password, and print two ways in."""
    password = new_code()
    if any(person.email == DEMO_EMAIL for person in program.people.list()):
        person = program.people.by_email(DEMO_EMAIL)
        program.people.set_password(person.id, password, by="demo")
    else:
        program.people.add(
            email=DEMO_EMAIL, name="Demo Admin", role=Role.ADMIN, by="demo", password=password
        )
        person = program.people.by_email(DEMO_EMAIL)
    code = program.sign_in.new_link(person.id, by="demo")
    say(
        f"Sign in with one click (once, within the hour):\n\n    {address}sign-in/link/{code}\n\n"
        f"or at {address} as {DEMO_EMAIL} with the password {password}\n"
    )


def _password_from_stdin() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise ConfigError("Standard input holds no password.", remedy="Write it there on one line.")
    return password


def _print_password(made_up: str | None) -> None:
    if made_up is not None:
        click.echo(made_up)
        say("That is the password for the first sign-in; it must be changed there.")


def _person(row: PersonRow) -> dict[str, object]:
    ways = [
        *(["password"] if row.password_hash is not None else []),
        *(["provider"] if row.subject is not None else []),
    ]
    return {
        "id": row.id,
        "email": row.email,
        "name": row.name,
        "role": row.role,
        "state": row.state,
        "signs_in_by": " and ".join(ways),
        "created_at": instant(row.created_at),
        "created_by": row.created_by,
        "last_sign_in_at": instant(row.last_sign_in_at),
    }


def _token(row: TokenRow) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "prefix": f"ifc_{row.prefix}",
        "role": row.role,
        "created_at": instant(row.created_at),
        "created_by": row.created_by,
        "expires_at": instant(row.expires_at),
        "last_used_at": instant(row.last_used_at),
        "revoked_at": instant(row.revoked_at),
    }
