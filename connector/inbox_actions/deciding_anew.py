"""How a use case has stored records decided anew, without asking the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class DecideAnew(Protocol):
    """Decides records of a connection anew; the number of those whose outcome changed."""

    def __call__(
        self,
        connection: str,
        *,
        only_record: int | None = None,
        reason_codes: Sequence[str] | None = None,
    ) -> int: ...
