"""The command line. Each command is a few lines over the same use cases the service runs."""

from connector.cli.main import main

__all__ = ["main"]
