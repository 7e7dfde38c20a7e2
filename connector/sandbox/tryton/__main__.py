"""`python -m connector.sandbox.tryton --data DIR`"""

from __future__ import annotations

import sys

from connector.sandbox.process import serve_process
from connector.sandbox.tryton import TrytonSettings, create_tryton

if __name__ == "__main__":
    sys.exit(serve_process(TrytonSettings(), create_tryton))
