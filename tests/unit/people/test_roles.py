"""Who may do what. The matrix is written out, so that a change of it is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config.schema import ROLES as CONFIG_ROLES
from connector.people.roles import LEAST_ROLES, Permission, Role, may, permissions_of
from connector.store.schema.people import ROLES as STORE_ROLES

VIEWER = {"invoices.read", "audit.read"}
OPERATOR = VIEWER | {
    *("records.correct", "documents.attach", "companies.link", "financing.request"),
    *("financing.cancel", "deliveries.replay", "runs.start", "connections.pause"),
}
AUTHOR = OPERATOR | {"mapping.edit", "mapping.backtest"}
APPROVER = OPERATOR | {"mapping.backtest", "mapping.approve", "mapping.activate"}
ADMIN = AUTHOR | APPROVER | {"connections.manage", "people.manage", "tokens.manage"}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.VIEWER, VIEWER),
        (Role.OPERATOR, OPERATOR),
        (Role.MAPPING_AUTHOR, AUTHOR),
        (Role.APPROVER, APPROVER),
        (Role.ADMIN, ADMIN),
    ],
)
def test_what_a_role_may_do(role: Role, allowed: set[str]) -> None:
    assert {permission.value for permission in permissions_of(role)} == allowed
    for permission in Permission:
        assert may(role, permission) == (permission.value in allowed)


def test_nobody_but_an_admin_is_both_author_and_approver() -> None:
    assert not Role.MAPPING_AUTHOR.includes(Role.APPROVER)
    assert not Role.APPROVER.includes(Role.MAPPING_AUTHOR)
    both = {r for r in Role if may(r, Permission.MAPPING_EDIT) and may(r, Permission.MAPPING_APPROVE)}  # fmt: skip
    assert both == {Role.ADMIN}


def test_the_docs_show_the_same_table() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "access.md").read_text("utf-8")
    for permission in Permission:
        cells = " |".join(" yes" if may(role, permission) else "" for role in Role)
        assert f"| `{permission.value}` |{cells} |" in page, permission


def test_every_permission_has_least_roles() -> None:
    assert set(LEAST_ROLES) == set(Permission)
    assert all(LEAST_ROLES.values())


def test_configuration_and_store_use_the_same_words() -> None:
    assert [role.value for role in Role] == list(CONFIG_ROLES) == list(STORE_ROLES)
