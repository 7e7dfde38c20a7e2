"""Who may come in: sign-in, sessions, roles and API tokens, for the console and the REST API alike.

access.install(app, program)                  # first of all: sign-in pages, the guard, headers
@pages.post("/records/<int:record>/retry")
@access.require(Permission.RECORDS_CORRECT)   # without it, a view that changes something is refused
def retry(record): ... current_person().actor
"""

from connector.access.install import install
from connector.access.person import Person, current_person, public, require

__all__ = ["Person", "current_person", "install", "public", "require"]
