"""Roles, and what each of them may do. The table in docs/access.md is made from this one."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a person or an API token is. Authors and approvers stand side by side: neither includes the other."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    MAPPING_AUTHOR = "mapping_author"
    APPROVER = "approver"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role may do all that the other may."""
        return other in _INCLUDES[self]

    @property
    def label(self) -> str:
        """As people read it."""
        return self.value.replace("_", " ")


_INCLUDES: dict[Role, frozenset[Role]] = {
    Role.VIEWER: frozenset({Role.VIEWER}),
    Role.OPERATOR: frozenset({Role.VIEWER, Role.OPERATOR}),
    Role.MAPPING_AUTHOR: frozenset({Role.VIEWER, Role.OPERATOR, Role.MAPPING_AUTHOR}),
    Role.APPROVER: frozenset({Role.VIEWER, Role.OPERATOR, Role.APPROVER}),
    Role.ADMIN: frozenset(Role),
}


class Permission(StrEnum):
    """Something one may do. The name is `what.verb`."""

    INVOICES_READ = "invoices.read"
    AUDIT_READ = "audit.read"
    RECORDS_CORRECT = "records.correct"
    DOCUMENTS_ATTACH = "documents.attach"
    COMPANIES_LINK = "companies.link"
    FINANCING_REQUEST = "financing.request"
    FINANCING_CANCEL = "financing.cancel"
    DELIVERIES_REPLAY = "deliveries.replay"
    RUNS_START = "runs.start"
    CONNECTIONS_PAUSE = "connections.pause"
    MAPPING_EDIT = "mapping.edit"
    MAPPING_BACKTEST = "mapping.backtest"
    MAPPING_APPROVE = "mapping.approve"
    MAPPING_ACTIVATE = "mapping.activate"
    CONNECTIONS_MANAGE = "connections.manage"
    PEOPLE_MANAGE = "people.manage"
    TOKENS_MANAGE = "tokens.manage"

    @property
    def label(self) -> str:
        """As people read it."""
        return _LABELS[self]


_LABELS = {
    Permission.INVOICES_READ: "see invoices, runs and deliveries",
    Permission.AUDIT_READ: "read the audit log",
    Permission.RECORDS_CORRECT: "settle what waits in the error inbox",
    Permission.DOCUMENTS_ATTACH: "attach documents",
    Permission.COMPANIES_LINK: "link companies and request buyer limits",
    Permission.FINANCING_REQUEST: "request financing",
    Permission.FINANCING_CANCEL: "cancel applications",
    Permission.DELIVERIES_REPLAY: "repeat deliveries",
    Permission.RUNS_START: "run and test connections",
    Permission.CONNECTIONS_PAUSE: "pause and resume connections",
    Permission.MAPPING_EDIT: "write drafts of mappings",
    Permission.MAPPING_BACKTEST: "back-test mappings",
    Permission.MAPPING_APPROVE: "approve mappings",
    Permission.MAPPING_ACTIVATE: "put mappings in force",
    Permission.CONNECTIONS_MANAGE: "add, change and remove connections",
    Permission.PEOPLE_MANAGE: "manage people and their roles",
    Permission.TOKENS_MANAGE: "manage API tokens",
}


LEAST_ROLES: dict[Permission, tuple[Role, ...]] = {
    Permission.INVOICES_READ: (Role.VIEWER,),
    Permission.AUDIT_READ: (Role.VIEWER,),
    Permission.RECORDS_CORRECT: (Role.OPERATOR,),
    Permission.DOCUMENTS_ATTACH: (Role.OPERATOR,),
    Permission.COMPANIES_LINK: (Role.OPERATOR,),
    Permission.FINANCING_REQUEST: (Role.OPERATOR,),
    Permission.FINANCING_CANCEL: (Role.OPERATOR,),
    Permission.DELIVERIES_REPLAY: (Role.OPERATOR,),
    Permission.RUNS_START: (Role.OPERATOR,),
    Permission.CONNECTIONS_PAUSE: (Role.OPERATOR,),
    Permission.MAPPING_EDIT: (Role.MAPPING_AUTHOR,),
    Permission.MAPPING_BACKTEST: (Role.MAPPING_AUTHOR, Role.APPROVER),
    Permission.MAPPING_APPROVE: (Role.APPROVER,),
    Permission.MAPPING_ACTIVATE: (Role.APPROVER,),
    Permission.CONNECTIONS_MANAGE: (Role.ADMIN,),
    Permission.PEOPLE_MANAGE: (Role.ADMIN,),
    Permission.TOKENS_MANAGE: (Role.ADMIN,),
}
"""Who may, beside every role that includes one of these."""


def may(role: Role, permission: Permission) -> bool:
    """Whether a role may do something."""
    return any(role.includes(least) for least in LEAST_ROLES[permission])


def permissions_of(role: Role) -> list[Permission]:
    """All that a role may do."""
    return [permission for permission in Permission if may(role, permission)]
