"""Monite (API versions 2024-05-25 and 2024-01-31): payables and receivables of one entity.

docs/connect-monite.md says how to connect one. Sources: the vendor's OpenAPI of 2024-05-25 and its guides.
"""

from connector.systems.monite.adapter import Monite

ADAPTER = Monite

__all__ = ["ADAPTER", "Monite"]
