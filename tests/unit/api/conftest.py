"""As for sign-in."""

from tests.unit.access.conftest import api_house, build

__all__ = ["api_house", "build"]
