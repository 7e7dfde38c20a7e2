"""The people: who there is, with which role and password. Every change leaves an audit row."""

from __future__ import annotations

import re

from connector.errors import NotFound, Refused
from connector.people.passwords import Passwords, check_password
from connector.people.random_texts import new_code
from connector.people.roles import Role
from connector.people.throttle import Throttle
from connector.store.database import Database
from connector.store.people import PersonRow
from connector.store.transaction import Transaction

_EMAIL = re.compile(r"[^\s@<>\"'(),:;\\\[\]]{1,64}@[^\s@<>\"'(),:;\\\[\]]{1,189}")
LAST_ADMIN = "This is the only active admin."
LAST_ADMIN_REMEDY = "Make somebody else an admin first."


class People:
    """Adding and changing people."""

    def __init__(self, database: Database, passwords: Passwords, throttle: Throttle) -> None:
        self._database = database
        self._passwords = passwords
        self._throttle = throttle

    def list(self) -> list[PersonRow]:
        """Everybody, by e-mail address; the disabled too."""
        with self._database.read() as tx:
            return tx.people.all()

    def get(self, person_id: int) -> PersonRow:
        """One person. Raises NotFound."""
        with self._database.read() as tx:
            return tx.people.get(person_id)

    def by_email(self, email: str) -> PersonRow:
        """The person with an e-mail address. Raises NotFound."""
        with self._database.read() as tx:
            found = tx.people.by_email(email.strip().lower())
        if found is None:
            raise NotFound(
                f"Nobody has the e-mail address {email[:80]!r}.",
                remedy="The list of people shows everybody.",
            )
        return found

    def has_admin(self) -> bool:
        """Whether the connector is set up: an active admin exists."""
        with self._database.read() as tx:
            return tx.people.active_admins() > 0

    # -- changing -----------------------------------------------------------------------------------------------------

    def add(
        self, *, email: str, name: str, role: Role, by: str, password: str | None = None
    ) -> str | None:
        """Add a person who signs in by password. Without `password` one is made up and given back, to be changed at
        the first sign-in. Raises Refused."""
        email, name = checked_email(email), checked_name(name)
        given = password
        if given is None:
            password = new_code()
        else:
            check_password(given, email=email)
        hashed = self._passwords.hash(password or "")
        with self._database.write() as tx:
            add_person(
                tx,
                email=email,
                name=name,
                role=role,
                by=by,
                password_hash=hashed,
                must_change_password=int(given is None),
            )
        return password if given is None else None

    def set_role(self, person_id: int, role: Role, *, by: str) -> None:
        """Give another role. Raises NotFound, Refused for the last admin."""
        with self._database.write() as tx:
            tx.people.lock()
            person = tx.people.get(person_id)
            if person.role == role.value:
                return
            _keep_an_admin(tx, person)
            tx.people.change(person_id, role=role.value)
            change = {"from": person.role, "to": role.value}
            tx.audit.append(by, "person.set_role", subject(person), change)

    def disable(self, person_id: int, *, by: str) -> None:
        """Let a person in no more, and end their sessions. Raises NotFound, Refused for the last admin."""
        with self._database.write() as tx:
            tx.people.lock()
            person = tx.people.get(person_id)
            if person.state == "disabled":
                return
            _keep_an_admin(tx, person)
            tx.people.change(person_id, state="disabled")
            ended = tx.web_sessions.end_of_person(person_id)
            tx.one_time_codes.forget("sign_in", person_id)
            tx.audit.append(by, "person.disable", subject(person), {"sessions_ended": ended})

    def enable(self, person_id: int, *, by: str) -> None:
        """Let a disabled person in again. Raises NotFound."""
        with self._database.write() as tx:
            person = tx.people.get(person_id)
            if person.state == "active":
                return
            tx.people.change(person_id, state="active")
            tx.audit.append(by, "person.enable", subject(person), {})

    def reset_password(self, person_id: int, *, by: str) -> str:
        """A made-up password, to be changed at the next sign-in; ends all sessions. Raises NotFound."""
        password = new_code()
        self._set_password(person_id, password, by=by, must_change=True, keep_session=None)
        return password

    def set_password(
        self, person_id: int, password: str, *, by: str, keep_session: int | None = None
    ) -> None:
        """Set a password; every session but `keep_session` ends. Raises Refused for one too easy to guess."""
        check_password(password, email=self.get(person_id).email)
        self._set_password(person_id, password, by=by, must_change=False, keep_session=keep_session)

    def change_own_password(
        self, person_id: int, old: str, new: str, *, address: str, session_id: int | None
    ) -> None:
        """A person's own change. Raises Refused when the old one is wrong or the new one no good, RateLimited."""
        person = self.get(person_id)
        with self._database.write() as tx:
            self._throttle.charge(tx, account=person.email, address=address)
        if not self._passwords.fits(old, person.password_hash):
            raise Refused("The present password is wrong.")
        with self._database.write() as tx:
            self._throttle.give_back(tx, account=person.email, address=address)
        if old == new:
            raise Refused("The new password is the old one.", remedy="Choose another.")
        self.set_password(person_id, new, by=f"person:{person.email}", keep_session=session_id)

    def _set_password(
        self, person_id: int, password: str, *, by: str, must_change: bool, keep_session: int | None
    ) -> None:
        hashed = self._passwords.hash(password)
        with self._database.write() as tx:
            person = tx.people.get(person_id)
            tx.people.change(person_id, password_hash=hashed, must_change_password=int(must_change))
            ended = tx.web_sessions.end_of_person(person_id, but=keep_session)
            tx.one_time_codes.forget("sign_in", person_id)
            self._throttle.release(tx, person.email)
            detail = {"must_change": must_change, "sessions_ended": ended}
            tx.audit.append(by, "person.set_password", subject(person), detail)


def add_person(
    tx: Transaction, *, email: str, name: str, role: Role, by: str, **more: object
) -> int:
    """Add a person in the caller's transaction, with an audit row. Raises Refused when the address is taken."""
    tx.people.lock()
    if tx.people.by_email(email) is not None:
        raise Refused(
            f"Somebody has the e-mail address {email} already.",
            remedy="Change that person's role or password instead.",
        )
    person_id = tx.people.add(email=email, name=name, role=role.value, by=by, **more)
    tx.audit.append(by, "person.add", f"person:{email}", {"name": name, "role": role.value})
    return person_id


def subject(person: PersonRow) -> str:
    """A person in the audit log."""
    return f"person:{person.email}"


def checked_email(email: str) -> str:
    """An e-mail address in the form it is stored in. Raises Refused."""
    found = email.strip().lower()
    if not _EMAIL.fullmatch(found) or not found.isprintable():
        raise Refused(
            f"{email[:80]!r} is not an e-mail address.", remedy="Write it like ana@example.com."
        )
    return found


def checked_name(name: str) -> str:
    """A person's name. Raises Refused."""
    found = " ".join(name.split())
    if not 1 <= len(found) <= 100 or not found.isprintable():
        raise Refused("A person's name has 1 to 100 characters on one line.")
    return found


def _keep_an_admin(tx: Transaction, person: PersonRow) -> None:
    if person.role != Role.ADMIN or person.state != "active":
        return
    if tx.people.active_admins() <= 1:
        raise Refused(LAST_ADMIN, remedy=LAST_ADMIN_REMEDY)
