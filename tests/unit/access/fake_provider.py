"""A small OpenID Connect provider on a real socket. It checks what a good one checks, and lies where a test asks."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from tests.fakes import FakeClock

CLIENT_ID, CLIENT_SECRET = "connector", "sandbox client secret/+"
ANA = {"sub": "7", "email": "Ana@example.com", "email_verified": True, "name": "Ana Alba"}


class FakeProvider:
    """The provider. `claims`, `header`, `metadata` and `tokens` are laid over what it says."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.key = ECKey.generate_key("P-256", {"kid": "first", "alg": "ES256", "use": "sig"})
        self.published = [self.key]
        self.claims: dict[str, Any] = dict(ANA)
        self.metadata: dict[str, Any] = {}
        self.tokens: dict[str, Any] = {}
        self.id_token: str | None = None
        self.seen: list[str] = []
        self._asked: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(*provider._get(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._answer(*provider._post(self.path, body, self.headers.get("Authorization")))

            def _answer(self, status: int, value: Any) -> None:
                content = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def authorize(self, url: str) -> dict[str, str]:
        """The person agrees. Gives what the browser is sent back with."""
        address, _, query = url.partition("?")
        assert address == f"{self.issuer}/authorize"
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        assert asked["client_id"] == CLIENT_ID and asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(8)
        self._asked[code] = asked
        return {"code": code, "state": asked["state"]}

    def signed(self, asked: dict[str, str], key: Any = None, **header: Any) -> str:
        """An ID token for what was asked."""
        now = int(self.clock.now().timestamp())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300}
        claims |= {"nonce": asked["nonce"], **self.claims}
        told = {"alg": "ES256", "kid": self.key.kid, **header}
        left = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(told, left, key or self.key, algorithms=[told["alg"]])

    # -- what it answers ----------------------------------------------------------------------------------------------

    def _get(self, path: str) -> tuple[int, Any]:
        self.seen.append(path)
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys?v=1",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256"],
                **self.metadata,
            }
        if path == "/keys?v=1":
            return 200, {"keys": [key.as_dict(private=False) for key in self.published]}
        return 404, {}

    def _post(self, path: str, body: str, authorization: str | None) -> tuple[int, Any]:
        self.seen.append(path)
        given = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self._asked.pop(given.get("code", ""), None)
        verifier = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        good = (
            asked is not None
            and path == "/token"
            and challenge == asked["code_challenge"]
            and given.get("redirect_uri") == asked["redirect_uri"]
            and self._client(given, authorization) == (CLIENT_ID, CLIENT_SECRET)
        )
        if not good or asked is None:
            return 400, {"error": "invalid_grant"}
        id_token = self.id_token or self.signed(asked)
        return 200, {
            "access_token": "at",
            "token_type": "Bearer",
            "id_token": id_token,
            **self.tokens,
        }

    def _client(self, given: dict[str, str], authorization: str | None) -> tuple[str, str]:
        if authorization is None:
            return given.get("client_id", ""), given.get("client_secret", "")
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":")
        return unquote(pair[0]), unquote(pair[1])


def forged_with_the_secret(provider: FakeProvider, asked: dict[str, str]) -> str:
    """An ID token signed with the client secret, as anybody who knows it could."""
    return provider.signed(asked, OctKey.import_key(CLIENT_SECRET), alg="HS256")


def query_of(url: str) -> dict[str, str]:
    """The query of a URL."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
