"""Who a request is from, and what a view asks of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import g
from werkzeug.exceptions import Forbidden, Unauthorized

from connector.people.roles import LEAST_ROLES, Permission, Role, may

Need = Role | Permission
View = TypeVar("View", bound=Callable[..., Any])

NEED = "access_need"
"""The attribute of a view that says what it asks for: a Role, a Permission, or PUBLIC."""
PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in: a person by a session, or (with `id` None) an API token or this machine's command line."""

    id: int | None
    name: str
    email: str | None
    role: Role
    csrf: str
    """What forms of this session carry; empty where nothing is carried."""
    actor: str
    """As the audit log calls them: `person:ana@example.com`, `token:PREFIX`."""
    session_id: int | None = None
    must_change_password: bool = False

    def may(self, permission: Permission | str) -> bool:
        """Whether the role allows it. Raises ValueError for a permission there is not."""
        return may(self.role, Permission(permission))

    def has(self, role: Role | str) -> bool:
        """Whether the role includes another. Raises ValueError for a role there is not."""
        return self.role.includes(Role(role))

    def meets(self, need: Need) -> bool:
        """Whether this is enough for a view."""
        return self.has(need) if isinstance(need, Role) else self.may(need)


def person_or_none() -> Person | None:
    """Who is signed in, if anybody."""
    found: Person | None = g.get("person")
    return found


def current_person() -> Person:
    """Who is signed in. Raises Unauthorized where nobody is."""
    person = person_or_none()
    if person is None:
        raise Unauthorized("Sign in first.")
    return person


def require(need: Need) -> Callable[[View], View]:
    """Let only those in who may. Stands below the route."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            refuse_unless(current_person(), need)
            return view(*args, **kwargs)

        setattr(guarded, NEED, need)
        return guarded  # type: ignore[return-value]

    return decorate


def public(view: View) -> View:
    """A view for everybody, signed in or not."""
    setattr(view, NEED, PUBLIC)
    return view


def refuse_unless(person: Person, need: Need) -> None:
    """Raise Forbidden where a person may not, in words that say who may."""
    if person.meets(need):
        return
    roles = (need,) if isinstance(need, Role) else LEAST_ROLES[need]
    wanted = " or ".join(role.label for role in roles)
    raise Forbidden(
        f"This needs the role {wanted}; yours is {person.role.label}. An admin can change it."
    )
