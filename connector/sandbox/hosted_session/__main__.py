"""`python -m connector.sandbox.hosted_session --data DIR`"""

from __future__ import annotations

import sys

from connector.sandbox.hosted_session import HostedSessionSettings, create_hosted_session
from connector.sandbox.process import serve_process

if __name__ == "__main__":
    sys.exit(serve_process(HostedSessionSettings(), create_hosted_session))
