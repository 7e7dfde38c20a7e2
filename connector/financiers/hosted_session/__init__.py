"""A financier with hosted financing sessions: the contract of Stenn's documents.

settings.py   what the documents leave open, as settings
answers.py    reading the platform's answers, tolerantly where its documents contradict themselves
adapter.py    the financier: companies, the three steps of a submission, statuses, events
"""

from connector.financiers.hosted_session.adapter import HostedSession

ADAPTER = HostedSession

__all__ = ["ADAPTER", "HostedSession"]
