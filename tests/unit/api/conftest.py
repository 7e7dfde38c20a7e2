"""As for sign-in."""

from tests.unit.access.conftest import build, house

__all__ = ["build", "house"]
