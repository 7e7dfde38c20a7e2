"""Who looks after a record or a cause of the error inbox."""

from __future__ import annotations

from connector.errors import Refused
from connector.store.database import Database

LONGEST_SUBJECT = 1000


class Assigning:
    """Gives records and causes to people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def assign(self, subject: str, person_id: int, *, by: str) -> None:
        """Give `subject` (`r16`, or a cause) to a person. Raises NotFound for nobody, Refused for somebody who may not
        sign in."""
        if not subject or len(subject) > LONGEST_SUBJECT or "\0" in subject:
            raise Refused("That names no record and no cause.")
        with self._database.write() as tx:
            person = tx.people.get(person_id)
            if person.state != "active":
                raise Refused(f"{person.name} may not sign in any more.", remedy="Choose another.")
            tx.assignments.assign(subject, person_id, by)
            tx.audit.append(by, "inbox.assigned", subject, {"to": person.email})

    def release(self, subject: str, *, by: str) -> None:
        """Let nobody in particular look after it."""
        with self._database.write() as tx:
            if subject in tx.assignments.all():
                tx.assignments.release(subject)
                tx.audit.append(by, "inbox.released", subject, {})
