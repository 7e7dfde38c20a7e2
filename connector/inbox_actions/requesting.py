"""Request financing for one invoice: one that is ready, or whose session was canceled or has expired."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from connector.errors import NotFound, Refused
from connector.store.database import Database


class Sessions(Protocol):
    """Opens a session for an invoice once more."""

    def open_again(self, financing_id: int, *, by: str) -> None: ...


class FinancingRequests:
    """Requests of people for the invoices of one flow."""

    def __init__(
        self,
        database: Database,
        open_one: Callable[[int], bool],
        sessions: Sessions,
    ) -> None:
        """`open_one` begins the submission of one financing invoice; False when it now waits for its document."""
        self._database = database
        self._open_one = open_one
        self._sessions = sessions

    def request(self, record_id: int, *, by: str) -> bool:
        """Begin; the next round of submitting sends it. False when it waits for its document after all.

        Raises NotFound for an invoice that is not for financing, Refused where there is nothing to request.
        """
        with self._database.read() as tx:
            found = tx.financing.of_record(record_id)
        if not found:
            raise NotFound(
                "This invoice is not for financing.", remedy="Its life says why (`invoice show`)."
            )
        financing = found[0]
        if financing.may_open_session:
            self._sessions.open_again(financing.id, by=by)
            return True
        if financing.state != "ready":
            raise Refused(
                f"The invoice is {financing.state}; there is nothing to request.",
                remedy="Its life says where it stands (`invoice show`).",
            )
        with self._database.write() as tx:
            tx.audit.append(by, "financing.requested", financing.client_reference_id, {})
        return self._open_one(financing.id)
