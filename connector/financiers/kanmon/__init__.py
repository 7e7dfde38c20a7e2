"""Kanmon's public platform API, version 2, directly.

settings.py   one business at Kanmon, and what its documents leave open
answers.py    reading the platform's answers, exact in money
products.py   which issued product and which pricing plan an invoice is financed under
client.py     the requests: key, lists, refusals
adapter.py    the financier: the one step of a submission, look-up, statuses, activity logs, connect tokens
"""

from connector.financiers.kanmon.adapter import Kanmon

ADAPTER = Kanmon

__all__ = ["ADAPTER", "Kanmon"]
