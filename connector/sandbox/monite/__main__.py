"""`python -m connector.sandbox.monite --data DIR`"""

from __future__ import annotations

import sys

from connector.sandbox.monite import MoniteSettings, create_monite
from connector.sandbox.process import serve_process

if __name__ == "__main__":
    sys.exit(serve_process(MoniteSettings(), create_monite))
