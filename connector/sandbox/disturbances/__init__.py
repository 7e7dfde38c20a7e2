"""The faults themselves. Importing this package fills the catalogue.

connection.py   cut, reset, silence, delay: with and without the thing being done
status.py       errors, refusals, rate limits in every form, redirects
body.py         answers whose body is not what was promised
access.py       tokens that end, are lost, or claim another life
data.py         well-formed answers with something in them that was not expected
"""

from connector.sandbox.disturbances import access, body, connection, data, delivery, status
from connector.sandbox.fault_catalogue import FAULT_NOTES, REQUEST_FAULTS

__all__ = [
    "FAULT_NOTES",
    "REQUEST_FAULTS",
    "access",
    "body",
    "connection",
    "data",
    "delivery",
    "status",
]
