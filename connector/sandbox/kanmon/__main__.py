"""`python -m connector.sandbox.kanmon --data DIR`"""

from __future__ import annotations

import sys

from connector.sandbox.kanmon import KanmonSettings, create_kanmon
from connector.sandbox.process import serve_process

if __name__ == "__main__":
    sys.exit(serve_process(KanmonSettings(), create_kanmon))
