"""Tryton 8.0 or later, over its JSON-RPC: receivable and payable invoices, and notes back on them.

docs/tryton.md says how to connect one, and which traps of a real server the modules here step around.
"""

from connector.systems.tryton.adapter import Tryton

ADAPTER = Tryton

__all__ = ["ADAPTER", "Tryton"]
