"""What a person does about records that wait, and about the life of one invoice.

The commands, the pages and the API call the same use cases. Each says who did it in the audit log, and each looks at
where things stand inside the transaction that changes them.
"""

from connector.inbox_actions.assigning import Assigning
from connector.inbox_actions.attaching import Attaching, document_of
from connector.inbox_actions.company_links import CompanyLinks
from connector.inbox_actions.correcting import Correcting
from connector.inbox_actions.excluding import Excluding
from connector.inbox_actions.parked import ParkedMessages
from connector.inbox_actions.requesting import FinancingRequests
from connector.inbox_actions.rereading import Rereader
from connector.inbox_actions.retrying import Retried, Retrying

__all__ = [
    "Assigning",
    "Attaching",
    "CompanyLinks",
    "Correcting",
    "Excluding",
    "FinancingRequests",
    "ParkedMessages",
    "Rereader",
    "Retried",
    "Retrying",
    "document_of",
]
