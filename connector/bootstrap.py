"""The composition root: the only file that knows every concrete class, and wires them from the configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from threading import Event

from connector.active_mapping import ActiveMappings
from connector.authoring import MappingLife, Policy, Stacks, Trials
from connector.authoring.shadow import Shadows
from connector.clock import Clock, SystemClock
from connector.config.files import Candidate
from connector.config.load import load_config
from connector.config.model import Config, Flow
from connector.deciding import NO_BUYER_LIMIT, NOT_LINKED, Decider
from connector.delivery import Patience
from connector.documents import InvoiceDocuments
from connector.errors import Unsupported
from connector.facts import FactKeeper
from connector.feed.events import Announcer
from connector.feed.outlets import Outlets
from connector.financier import Financier, LimitsBuyers, TellsChanges
from connector.financing_sessions import FinancingSessions
from connector.health import Health
from connector.hints import HintTask
from connector.inbox_actions import Rereader
from connector.known_books import recognise_books
from connector.limits import BuyerLimits
from connector.linking import Linker
from connector.noticing import NoticeTask
from connector.people.directory import People
from connector.people.passwords import Passwords
from connector.people.sessions import Sessions
from connector.people.sign_in import SignIn
from connector.people.throttle import Throttle
from connector.people.tokens import Tokens
from connector.pull import Puller
from connector.redeciding import Redecider, WaitingForCompany
from connector.registry import financiers as known_financiers
from connector.registry import schemas_of
from connector.registry import systems as known_systems
from connector.remap import Remapper
from connector.secrets import SecretBox
from connector.statuses import StatusKeeper
from connector.store.database import Database
from connector.submission import Submitter
from connector.system import AccountingSystem
from connector.tasks import (
    HearTask,
    LinkTask,
    PollTask,
    PullTask,
    SubmitTask,
    WriteBackTask,
)
from connector.transport.context import AdapterContext
from connector.write_back import WriteBacker, WriteBackQueue

SIDE_BY_SIDE = 8
"""How many requests one task has under way at once towards one platform; the transport's own budget may be lower."""


def read_config(
    path: Path, environ: Mapping[str, str] | None = None, candidate: Candidate | None = None
) -> Config:
    """Read and check the configuration against the adapters there are. `candidate`: the file of a connection as it would
    be. Raises ConfigError."""
    return load_config(
        path,
        os.environ if environ is None else environ,
        systems=schemas_of(known_systems()),
        financiers=schemas_of(known_financiers()),
        candidate=candidate,
    )


class Program:
    """Everything one running connector is made of, built when first asked for."""

    def __init__(
        self, config: Config, *, clock: Clock | None = None, exclusive: bool = False
    ) -> None:
        self.config = config
        self.clock: Clock = clock or SystemClock()
        self.stopping = Event()
        self._exclusive = exclusive

    def again(self, config: Config) -> Program:
        """Another program like this one, of another configuration; close this one first."""
        return Program(config, clock=self.clock, exclusive=self._exclusive)

    # -- what everything stands on --------------------------------------------------------------------------------

    @cached_property
    def database(self) -> Database:
        database = Database.open(
            self.config.store.url.reveal(), clock=self.clock, exclusive=self._exclusive
        )
        try:
            database.migrate()
            database.require_guards()
            recognise_books(database, self.config, schemas_of(known_systems()))
        except BaseException:
            database.close()  # its lock, too: after a reload that fails the program before opens it again
            raise
        return database

    @property
    def is_alone(self) -> bool:
        """Whether no other program can be working on the store: it holds the lock of an SQLite file."""
        return self._exclusive and self.database.is_sqlite

    @cached_property
    def box(self) -> SecretBox:
        return SecretBox.from_secret(self.config.encryption.key)

    @cached_property
    def passwords(self) -> Passwords:
        return Passwords(self.config.access.password_memory_mebibytes)

    @cached_property
    def throttle(self) -> Throttle:
        return Throttle(self.box.content_hash)

    @cached_property
    def people(self) -> People:
        return People(self.database, self.passwords, self.throttle)

    @cached_property
    def sessions(self) -> Sessions:
        access = self.config.access
        return Sessions(
            self.database,
            idle=timedelta(seconds=access.session_idle_seconds),
            longest=timedelta(seconds=access.session_seconds_max),
        )

    @cached_property
    def sign_in(self) -> SignIn:
        return SignIn(self.database, self.passwords, self.throttle, self.sessions)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self.database)

    @cached_property
    def health(self) -> Health:
        return Health(
            self.database,
            self.clock,
            longest_seconds=self.config.schedule.backoff_seconds_max,
        )

    @cached_property
    def mappings(self) -> ActiveMappings:
        return ActiveMappings(self.database)

    @cached_property
    def stacks(self) -> Stacks:
        return Stacks.of(self.config)

    @cached_property
    def mapping_life(self) -> MappingLife:
        rules = self.config.mappings
        policy = Policy(rules.approval == "second_person", rules.backtest_required)
        return MappingLife(self.database, self.stacks, policy)

    @cached_property
    def trials(self) -> Trials:
        return Trials(self.database, self.mapping_life, self.clock, self.mapped_stream)

    def remapper(self, connection: str) -> Remapper:
        return Remapper(
            self.database,
            connection,
            self.redecider(connection),
            lambda: self.decider(connection),
        )

    @cached_property
    def systems(self) -> dict[str, AccountingSystem]:
        known = known_systems()
        return {
            name: known[c.system](c.settings, AdapterContext(name, self.clock))
            for name, c in self.config.connections.items()
        }

    @cached_property
    def financiers(self) -> dict[str, Financier]:
        known = known_financiers()
        return {
            name: known[f.platform](f.settings, AdapterContext(name, self.clock))
            for name, f in self.config.financiers.items()
        }

    @cached_property
    def feed(self) -> Outlets:
        lease_seconds = self.config.schedule.lease_seconds
        return Outlets(self.database, self.clock, self.config.feed, lease_seconds, self.stopping)

    def close(self) -> None:
        """Give back connections and the lock on the database."""
        self.stopping.set()
        if "feed" in self.__dict__:
            self.feed.close()
        for adapters in ("systems", "financiers"):
            for adapter in self.__dict__.get(adapters, {}).values():
                adapter.close()
        if "database" in self.__dict__:
            self.database.close()

    # -- flows ----------------------------------------------------------------------------------------------------

    def flow_of(self, connection: str) -> Flow | None:
        """Where a connection's invoices go."""
        return next((f for f in self.config.flows if f.connection == connection), None)

    def decider(self, connection: str) -> Decider | None:
        """Decides a connection's invoices by the mapping that is active now, as of today."""
        flow = self.flow_of(connection)
        if flow is None:
            return None
        mapping, version_id = self.mappings.active(connection)
        platform = self.config.financiers[flow.financier].platform
        needs = known_financiers()[platform].needs
        waits_for_limits = self._limits_buyers(flow) is not None
        return Decider(flow, mapping, version_id, self.clock, needs, waits_for_limits)

    def catch_up_facts(self, connection: str) -> int:
        """Read what lists and search show of a connection's invoices. Returns how many records were read."""
        decider = self.decider(connection)
        return 0 if decider is None else FactKeeper(self.database).catch_up(decider)

    def mapped_stream(self, connection: str) -> str:
        """The one stream of a system that goes through a mapping."""
        return next(s.name for s in self.systems[connection].streams if s.mapped)

    def redecider(self, connection: str) -> Redecider:
        return Redecider(self.database, self.mapped_stream(connection))

    def linker(self, flow: Flow) -> Linker:
        waiting = self._waiting(flow, NOT_LINKED, NO_BUYER_LIMIT)
        return Linker(self.database, flow, waiting, self._limits_buyers(flow))

    def waiting_companies(self, flow: Flow) -> set[str]:
        """Counterparties that held invoices wait for."""
        parties = self._waiting(flow, NOT_LINKED).parties()
        return {company for pair in parties for company in pair}

    def _waiting(self, flow: Flow, *reason_codes: str) -> WaitingForCompany:
        return WaitingForCompany(
            self.redecider(flow.connection), lambda: self.decider(flow.connection), *reason_codes
        )

    def _limits_buyers(self, flow: Flow) -> LimitsBuyers | None:
        """The flow's financier, where invoices wait for approved limits there."""
        financier = self.financiers[flow.financier]
        if flow.buyer_limits != "wait" or not isinstance(financier, LimitsBuyers):
            return None
        return financier if financier.requires_buyer_limits else None

    def limits(self, flow: Flow) -> BuyerLimits:
        """The limits of a flow's buyers. Raises Unsupported where its financier has none."""
        financier = self.financiers[flow.financier]
        if not isinstance(financier, LimitsBuyers):
            raise Unsupported(f"{flow.financier} has no buyer limits.")
        return BuyerLimits(
            self.database,
            self.clock,
            flow,
            financier,
            self._waiting(flow, NO_BUYER_LIMIT),
            self.config.financiers[flow.financier].poll_interval_seconds,
        )

    def financing_sessions(self, flow: Flow) -> FinancingSessions:
        return FinancingSessions(
            self.database,
            self.financiers[flow.financier],
            self.submitter(flow),
            self.keeper(flow.financier),
        )

    def documents(self, flow: Flow) -> InvoiceDocuments:
        return InvoiceDocuments(self.database, flow, self.systems[flow.connection])

    def submitter(self, flow: Flow) -> Submitter:
        return Submitter(
            self.database,
            self.clock,
            flow,
            self.financiers[flow.financier],
            self._patience(flow.financier),
        )

    def keeper(self, financier: str) -> StatusKeeper:
        queues = {name: WriteBackQueue(name, system) for name, system in self.systems.items()}
        return StatusKeeper(
            self.database,
            self.clock,
            financier,
            self.financiers[financier],
            queues,
            self.config.financiers[financier].poll_interval_seconds,
            Announcer({name: c.system for name, c in self.config.connections.items()}),
        )

    def _patience(self, financier: str | None = None) -> Patience:
        schedule = self.config.schedule
        account = None if financier is None else self.config.financiers[financier]
        return Patience(
            quiet_period_seconds=(account or schedule).quiet_period_seconds,
            park_after_seconds=(account or schedule).park_after_seconds,
            lease_seconds=schedule.lease_seconds,
        )

    # -- tasks ----------------------------------------------------------------------------------------------------

    def pull_task(self, connection: str) -> PullTask:
        system = self.systems[connection]
        watched = Shadows(self.database, self.mapping_life, self.clock)
        puller = Puller(self.database, self.clock, self.box, self.decider, observers=watched)
        return PullTask(
            connection,
            system,
            puller,
            self.database,
            self.clock,
            lambda: self.decider(connection),
            self.config.connections[connection].full_walk_interval_seconds,
            Rereader(connection, system, puller, self.database),
        )

    def hint_task(self, connection: str) -> HintTask:
        """Raises ConfigError where the system's events are not understood."""
        lease_seconds = self.config.schedule.lease_seconds
        return HintTask(self.pull_task(connection), lease_seconds, SIDE_BY_SIDE, self.stopping)

    def link_task(self, flow: Flow) -> LinkTask:
        return LinkTask(
            self.linker(flow),
            self.financiers[flow.financier],
            self.limits(flow) if self._limits_buyers(flow) else None,
            flow.create_companies,
        )

    def submit_task(self, flow: Flow) -> SubmitTask:
        return SubmitTask(
            flow,
            self.database,
            self.clock,
            self.submitter(flow),
            self.documents(flow),
            self.financiers[flow.financier].needs.document,
            self.financiers[flow.financier].steps,
            SIDE_BY_SIDE,
            self.stopping,
        )

    def hear_task(self, financier: str) -> HearTask:
        return HearTask(
            financier,
            self.database,
            self.keeper(financier),
            self.config.schedule.lease_seconds,
            SIDE_BY_SIDE,
            self.stopping,
        )

    def poll_task(self, financier: str) -> PollTask:
        return PollTask(
            financier,
            self.database,
            self.clock,
            self.keeper(financier),
            SIDE_BY_SIDE,
            self.stopping,
        )

    def notice_task(self, financier: str) -> NoticeTask | None:
        """Reads the platform's own feed of what happened, where it has one."""
        feed = self.financiers[financier]
        if not isinstance(feed, TellsChanges):
            return None
        return NoticeTask(financier, self.database, self.clock, feed)

    def write_back_task(self, connection: str) -> WriteBackTask:
        return WriteBackTask(
            connection,
            self.database,
            WriteBacker(self.database, self.clock, self.systems[connection], self._patience()),
            SIDE_BY_SIDE,
            self.stopping,
        )
