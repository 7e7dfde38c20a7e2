"""The ways in: by password, by the provider, by a one-time link, and the set-up of the first admin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from connector.errors import Refused
from connector.people.directory import (
    add_person,
    checked_email,
    checked_name,
    subject,
)
from connector.people.passwords import Passwords, check_password
from connector.people.random_texts import new_code, new_token, sha256
from connector.people.roles import Role
from connector.people.sessions import Sessions
from connector.people.throttle import Throttle
from connector.store.database import Database
from connector.store.people import PersonRow
from connector.store.transaction import Transaction

SET_UP_CODE_LASTS = timedelta(days=1)
LINK_LASTS = timedelta(hours=1)
WRONG = "The e-mail address or the password is wrong."
"""Said of an unknown account, a disabled one and a wrong password alike."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a provider says somebody is. `role` is what the provider's claim maps to, None where none is configured."""

    issuer: str
    subject: str
    email: str
    name: str
    role: Role | None


class SignIn:
    """Turns a proof into a session. Each method gives the session's token, for the browser to hold."""

    def __init__(
        self, database: Database, passwords: Passwords, throttle: Throttle, sessions: Sessions
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._throttle = throttle
        self._sessions = sessions

    def by_password(self, email: str, password: str, *, address: str) -> str:
        """Raises Refused, in the same words and after the same work whatever was wrong, and RateLimited."""
        email = email.strip().lower()[:254]
        with self._database.write() as tx:
            self._throttle.charge(tx, account=email, address=address)
        with self._database.read() as tx:
            person = tx.people.by_email(email)
        stored = None if person is None else person.password_hash
        fits = self._passwords.fits(password, stored)
        if person is None or not fits or person.state != "active":
            self._failed(person, address)
        renewed = (
            self._passwords.hash(password)
            if stored is not None and self._passwords.is_outdated(stored)
            else None
        )
        with self._database.write() as tx:
            self._throttle.give_back(tx, account=email, address=address)
            # Once more, now that nothing can come between: it may have been disabled, or given another password.
            person = tx.people.get(person.id)
            if person.state != "active" or person.password_hash != stored:
                raise Refused(WRONG)
            if renewed is not None:
                tx.people.change(person.id, password_hash=renewed)
            return self._let_in(tx, person, via="password", address=address)

    def by_identity(self, identity: Identity, *, address: str) -> str:
        """A person whom the provider has proven. They are made, or joined with the person of the same address, at the
        first time; the role follows the provider where it says one. Raises Refused."""
        with self._database.write() as tx:
            tx.people.lock()
            person = tx.people.by_identity(identity.issuer, identity.subject)
            if person is None:
                person = self._first_time(tx, identity)
            if person.state != "active":
                raise Refused(
                    "This account is disabled.", remedy="An admin can enable it under people."
                )
            if identity.role is not None and person.role != identity.role:
                person = _follow(tx, person, identity.role)
            return self._let_in(tx, person, via="provider", address=address)

    def by_link(self, code: str, *, address: str) -> str:
        """The one-time link an admin of this machine made. Raises Refused, RateLimited."""
        with self._database.write() as tx:
            self._throttle.charge(tx, account=None, address=address)
        with self._database.write() as tx:
            taken = tx.one_time_codes.take(sha256(code), "sign_in")
            if taken is None or taken[0] is None:
                raise Refused(
                    "This sign-in link was used already, or has ended.",
                    remedy="Sign in with your password, or let a new link be made.",
                )
            self._throttle.give_back(tx, account=None, address=address)
            person = tx.people.get(taken[0])
            if person.state != "active":
                raise Refused("This account is disabled.")
            return self._let_in(tx, person, via="link", address=address)

    def new_link(self, person_id: int, *, by: str) -> str:
        """A code that signs a person in once, within an hour."""
        code = new_token()
        with self._database.write() as tx:
            person = tx.people.get(person_id)
            tx.one_time_codes.forget("sign_in", person_id)
            ends = tx.clock.now() + LINK_LASTS
            tx.one_time_codes.add(sha256(code), "sign_in", person_id=person_id, expires_at=ends)
            tx.audit.append(by, "person.new_link", subject(person), {})
        return code

    # -- the first admin ----------------------------------------------------------------------------------------------

    def new_set_up_code(self) -> str | None:
        """What proves that whoever sets the connector up can read what it prints; None when an admin exists."""
        code = new_code()
        with self._database.write() as tx:
            if tx.people.active_admins() > 0:
                return None
            tx.one_time_codes.forget("set_up")
            ends = tx.clock.now() + SET_UP_CODE_LASTS
            tx.one_time_codes.add(sha256(code), "set_up", expires_at=ends)
        return code

    def set_up(self, code: str, *, email: str, name: str, password: str, address: str) -> str:
        """Make the first admin, and sign them in. Raises Refused, RateLimited."""
        email, name = checked_email(email), checked_name(name)
        check_password(password, email=email)
        with self._database.write() as tx:
            self._throttle.charge(tx, account=None, address=address)
        hashed = self._passwords.hash(password)
        with self._database.write() as tx:
            tx.people.lock()
            if tx.people.active_admins() > 0:
                raise Refused("The connector is set up already.", remedy="Sign in.")
            if tx.one_time_codes.take(sha256(_written_anyhow(code)), "set_up") is None:
                raise Refused(
                    "The set-up code is wrong, or has ended.",
                    remedy="The connector prints it when it starts; start it anew for another.",
                )
            self._throttle.give_back(tx, account=None, address=address)
            tx.one_time_codes.forget("set_up")
            person_id = add_person(
                tx,
                email=email,
                name=name,
                role=Role.ADMIN,
                by="set-up",
                password_hash=hashed,
                must_change_password=0,
            )
            person = tx.people.get(person_id)
            return self._let_in(tx, person, via="password", address=address)

    # -- what they share ----------------------------------------------------------------------------------------------

    def _let_in(self, tx: Transaction, person: PersonRow, *, via: str, address: str) -> str:
        detail = {"via": via, "address": address}
        tx.audit.append(subject(person), "person.sign_in", subject(person), detail)
        return self._sessions.begin(tx, person.id, via=via, address=address)

    def _failed(self, person: PersonRow | None, address: str) -> NoReturn:
        """Refuse. What was typed is not written down where nobody has it as an address: it may be a password."""
        with self._database.write() as tx:
            who = "person:unknown" if person is None else subject(person)
            tx.audit.append("nobody", "person.sign_in_failed", who, {"address": address})
        raise Refused(WRONG)

    def _first_time(self, tx: Transaction, identity: Identity) -> PersonRow:
        by = f"provider:{identity.issuer}"
        known = tx.people.by_email(identity.email)
        if known is not None:
            if known.subject is not None:
                raise Refused(
                    "This e-mail address belongs to another account of the provider.",
                    remedy="An admin can disable the old account and add you anew.",
                )
            tx.people.change(known.id, issuer=identity.issuer, subject=identity.subject)
            tx.audit.append(by, "person.join_provider", subject(known), {})
            return tx.people.get(known.id)
        if identity.role is None:
            raise Refused(
                "You have no account here yet.",
                remedy="An admin can add you, with the e-mail address the provider knows.",
            )
        person_id = add_person(
            tx,
            email=identity.email,
            name=identity.name,
            role=identity.role,
            by=by,
            issuer=identity.issuer,
            subject=identity.subject,
        )
        return tx.people.get(person_id)


def _follow(tx: Transaction, person: PersonRow, role: Role) -> PersonRow:
    """Give a person the role the provider says, unless nobody would be admin any more."""
    if person.role == Role.ADMIN and tx.people.active_admins() <= 1:
        return person
    tx.people.change(person.id, role=role.value)
    change = {"from": person.role, "to": role.value}
    tx.audit.append(f"provider:{person.issuer}", "person.set_role", subject(person), change)
    return tx.people.get(person.id)


def _written_anyhow(code: str) -> str:
    """A code as it was printed, however somebody typed it in."""
    letters = "".join(letter for letter in code.lower() if letter.isalnum())
    return "-".join(letters[at : at + 5] for at in range(0, len(letters), 5))
