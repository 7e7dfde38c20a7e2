"""What a person may do, wired for one program: the commands, the pages and the API begin here."""

from __future__ import annotations

from collections.abc import Sequence

from connector import write_back
from connector.bootstrap import Program
from connector.config.model import Flow
from connector.confirming import Confirmable
from connector.deciding import Decider
from connector.errors import ConfigError
from connector.inbox_actions import (
    Assigning,
    Attaching,
    CompanyLinks,
    Correcting,
    Excluding,
    FinancingRequests,
    ParkedMessages,
    Retrying,
)
from connector.store.financing_rows import FinancingRow
from connector.store.outbox_reading import OutboxRow
from connector.store.transaction import Transaction
from connector.system import Stream


class Actions:
    """The use cases of one program's people."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def flow(self, connection: str) -> Flow:
        """The flow of a connection. Raises ConfigError when there is none."""
        flow = self._program.flow_of(connection)
        if flow is None:
            known = ", ".join(f.connection for f in self._program.config.flows) or "none"
            raise ConfigError(
                f"No flow takes the invoices of {connection[:80]!r} anywhere.",
                remedy=f"Connections with a flow: {known}.",
            )
        return flow

    def decide_anew(self, connection: str, record_ids: Sequence[int]) -> int:
        """Decide these stored records of a connection anew by its active mapping; how many came out otherwise."""
        decider = self._program.decider(connection)
        if decider is None:
            return 0
        return self._program.redecider(connection).run(decider, "recheck", only=record_ids)

    @property
    def excluding(self) -> Excluding:
        return Excluding(self._program.database, self.decide_anew)

    @property
    def correcting(self) -> Correcting:
        program = self._program
        return Correcting(program.database, program.decider, self._stream, self._decide_inside)

    def _stream(self, connection: str) -> Stream:
        return next(each for each in self._program.systems[connection].streams if each.mapped)

    def _decide_inside(self, tx: Transaction, decider: Decider, record_id: int) -> None:
        redecider = self._program.redecider(decider.flow.connection)
        redecider.decide_inside(tx, decider, record_id)

    @property
    def retrying(self) -> Retrying:
        return Retrying(self._program.database, self.decide_anew)

    @property
    def attaching(self) -> Attaching:
        return Attaching(self._program.database, self.decide_anew)

    @property
    def assigning(self) -> Assigning:
        return Assigning(self._program.database)

    @property
    def parked(self) -> ParkedMessages:
        harmless = {
            name: financier.repeatable_steps for name, financier in self._program.financiers.items()
        }
        return ParkedMessages(self._program.database, harmless, self._effect_of, self._renew)

    def _renew(self, tx: Transaction, row: OutboxRow, reason: str) -> bool:
        """Replace a message of a submission by one of today's flow, where that says something else; whether it did."""
        if row.timeline_id is not None:
            return False
        record_id = tx.financing.get(row.financing_invoice_id).record_id
        flow = self._program.flow_of(tx.records.get(record_id).connection)
        if flow is None or flow.financier != row.target:
            return False
        return self._program.submitter(flow).renew(tx, row, reason)

    def _effect_of(self, row: OutboxRow) -> Confirmable:
        """What a message of the outbox stands for. Raises ConfigError where its other side is no longer configured."""
        program = self._program
        if row.timeline_id is not None:
            system = program.systems.get(row.target)
            if system is None:
                raise ConfigError(f"The connection {row.target} is no longer configured.")
            return write_back.effect(system)
        with program.database.read() as tx:
            record_id = tx.financing.get(row.financing_invoice_id).record_id
            flow = self.flow(tx.records.get(record_id).connection)
        if flow.financier != row.target:
            raise ConfigError(f"The flow {flow.name} does not lead to {row.target} any more.")
        return program.submitter(flow).effect(row.kind)

    def company_links(self, flow: Flow) -> CompanyLinks:
        """The links of a flow."""
        program = self._program
        return CompanyLinks(
            program.database,
            flow,
            program.financiers[flow.financier],
            program.linker(flow),
            self.decide_anew,
        )

    def requests(self, flow: Flow) -> FinancingRequests:
        """Requests of financing for the invoices of a flow."""
        program = self._program
        return FinancingRequests(
            program.database,
            program.submit_task(flow).open_one,
            program.financing_sessions(flow),
        )

    def note_widget(self, financing: FinancingRow, *, by: str) -> None:
        """A person opened the financier's widget: who it was, and that the platform is asked what came of it."""
        with self._program.database.write() as tx:
            detail = {"financier": financing.financier}
            tx.audit.append(by, "widget.opened", financing.client_reference_id, detail)
            if financing.remote_invoice_id is not None:
                now = self._program.clock.now()
                tx.financing.poll_at_once(financing.financier, now, [financing.remote_invoice_id])
