"""The REST API: what the console does, for programs. OpenAPI at `/api/openapi.json`, a page for people at `/api/`."""

from connector.api.install import install

__all__ = ["install"]
