"""Run the real Tryton application on a port the machine chooses: `python serve.py DATABASE`.

The configuration comes from the environment (TRYTOND_CONFIG). The first line of standard output is the port.
`trytond` itself starts the same application on the same Werkzeug server, but cannot say which port it got.
"""

from __future__ import annotations

import os
import sys


def main(database: str) -> None:
    os.environ["TRYTOND_DATABASE_NAMES"] = database
    from trytond.application import app  # type: ignore[import-untyped]  # reads the environment
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, app, threaded=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
