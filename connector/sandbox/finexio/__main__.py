"""`python -m connector.sandbox.finexio --data DIR`"""

from __future__ import annotations

import sys

from connector.sandbox.finexio import FinexioSettings, create_finexio
from connector.sandbox.process import serve_process

if __name__ == "__main__":
    sys.exit(serve_process(FinexioSettings(), create_finexio))
