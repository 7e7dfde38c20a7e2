"""Monite's invoice financing: invoices that live in Monite are offered to its lending partner.

settings.py   the entity, and what Monite's documents leave open
answers.py    reading the platform's answers, exact in money
adapter.py    the financier: the one step of a submission, look-up, statuses, offers, the widget's tokens
"""

from connector.financiers.monite.adapter import MoniteFinancing

ADAPTER = MoniteFinancing

__all__ = ["ADAPTER", "MoniteFinancing"]
