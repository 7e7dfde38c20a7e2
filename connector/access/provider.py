"""Sign-in with an OpenID Connect provider: authorization code flow with PKCE, state and nonce.

authlib knows the protocol and the claims, joserfc the signatures, and our transport sends what is sent: with an
allow-list, time-outs and a size cap, without redirects. https://openid.net/specs/openid-connect-core-1_0.html
"""

from __future__ import annotations

import base64
import hmac
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from connector.clock import Clock
from connector.config import model
from connector.errors import ConfigError, ConnectorError, ContractDrift, Refused
from connector.people.directory import checked_email
from connector.people.random_texts import new_token
from connector.people.roles import Role
from connector.people.sign_in import Identity
from connector.transport import FORM, Transport, TransportSettings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Asymmetric ones alone: with an HMAC, the client secret would be all it takes to make a token up."""
LEEWAY_SECONDS = 60
METADATA_LASTS = timedelta(hours=1)
AGAIN = "Try to sign in once more. If it stays so, tell an admin."


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way: what this browser must bring back."""

    url: str
    """Where to send the browser."""
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What the provider says about itself, and how to speak to it."""

    metadata: Mapping[str, Any]
    transport: Transport
    keys: KeySet
    until: datetime


class Provider:
    """One provider, as configured."""

    def __init__(self, config: model.Provider, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._known: _Known | None = None
        self._lock = threading.Lock()

    @property
    def label(self) -> str:
        """What stands on the button."""
        return self._config.label

    def begin(self, redirect_uri: str) -> Begun:
        """Where to send a browser that wants to sign in. Raises Unavailable, ContractDrift, ConfigError."""
        known = self._ask()
        state, nonce, verifier = new_token(), new_token(), new_token()
        url = prepare_grant_uri(
            known.metadata["authorization_endpoint"],
            client_id=self._config.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=" ".join(self._config.scopes),
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),  # type: ignore[no-untyped-call]
            code_challenge_method="S256",
        )
        return Begun(url, state, nonce, verifier)

    def finish(self, answer: Mapping[str, str], begun: Begun, redirect_uri: str) -> Identity:
        """Who came back. `answer` is the query of the callback. Raises Refused with a sentence for the person."""
        if not hmac.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise Refused("This sign-in was not begun in this browser.", remedy=AGAIN)
        if answer.get("iss", self._config.issuer) != self._config.issuer:
            raise Refused("The answer came from another provider.", remedy=AGAIN)
        if "error" in answer:
            raise Refused(f"The provider refused the sign-in: {_word(answer['error'])}.")
        code = answer.get("code", "")
        if not code:
            raise Refused("The provider's answer has no code.", remedy=AGAIN)
        try:
            tokens = self._exchange(code, begun, redirect_uri)
            claims = self._claims(tokens, begun)
        except ConnectorError as error:
            if isinstance(error, Refused):
                raise Refused("The provider did not confirm the sign-in.", remedy=AGAIN) from error
            raise
        return self._identity(claims)

    # -- the protocol -------------------------------------------------------------------------------------------------

    def _exchange(self, code: str, begun: Begun, redirect_uri: str) -> dict[str, Any]:
        known = self._ask()
        secret = self._config.client_secret.reveal()
        fields = {"code": code, "code_verifier": begun.verifier}
        methods = known.metadata.get("token_endpoint_auth_methods_supported")
        headers = {}
        if methods and "client_secret_basic" not in methods:
            fields |= {"client_id": self._config.client_id, "client_secret": secret}
        else:
            # RFC 6749 2.3.1: both are form-encoded before they are joined
            pair = f"{quote(self._config.client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        body = prepare_token_request("authorization_code", redirect_uri=redirect_uri, **fields)
        reply = known.transport.request(
            "POST",
            known.metadata["token_endpoint"],
            safe=False,
            body=body.encode(),
            content_type=FORM,
            headers=headers,
        )
        tokens = reply.json()
        if not isinstance(tokens, dict) or not isinstance(tokens.get("id_token"), str):
            raise Refused("The provider's answer has no ID token.")
        return tokens

    def _claims(self, tokens: dict[str, Any], begun: Begun) -> CodeIDToken:
        try:
            token = self._verified(tokens["id_token"])
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self._config.issuer},
                    "aud": {"essential": True, "value": self._config.client_id},
                },
                {
                    "nonce": begun.nonce,
                    "client_id": self._config.client_id,
                    "access_token": tokens.get("access_token"),
                },
            )
            claims.validate(now=int(self._clock.now().timestamp()), leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Refused(f"The ID token is not good: {type(error).__name__}.") from None
        return claims

    def _verified(self, id_token: str) -> jwt.Token:
        try:
            return jwt.decode(id_token, self._ask().keys, algorithms=list(ALGORITHMS))
        except InvalidKeyIdError:
            # the provider has changed its keys
            return jwt.decode(id_token, self._ask(anew=True).keys, algorithms=list(ALGORITHMS))

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        email = str(claims.get("email") or "").strip().lower()
        # some providers write the word instead of the value
        verified = claims.get("email_verified") in (True, "true")
        if not email or not verified:
            raise Refused(
                "The provider does not vouch for an e-mail address of yours.",
                remedy="Verify your address there, or let an admin look at the claims it gives.",
            )
        if email.rpartition("@")[2] not in self._config.allowed_email_domains:
            raise Refused(
                "Your e-mail address is not of a domain that is let in.",
                remedy="An admin can add it to access.oidc.allowed_email_domains.",
            )
        return Identity(
            issuer=self._config.issuer,
            subject=str(claims["sub"]),
            email=checked_email(email),
            name=_name(claims, email),
            role=self._role(claims),
        )

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        if self._config.role_claim is None:
            return None
        said = claims.get(self._config.role_claim)
        values = {str(value) for value in (said if isinstance(said, list) else [said])}
        for value, role in self._config.roles.items():
            if value in values:
                return Role(role)
        raise Refused(
            "The provider gives you no role here.",
            remedy="An admin can give you one there, or change access.oidc.roles.",
        )

    # -- what the provider says about itself ---------------------------------------------------------------------------

    def _ask(self, *, anew: bool = False) -> _Known:
        with self._lock:
            known = self._known
            if known is None or anew or known.until <= self._clock.now():
                if known is not None:
                    known.transport.close()
                known = self._known = self._discover()
            return known

    def _discover(self) -> _Known:
        first = self._transport()
        try:
            metadata = first.get("/.well-known/openid-configuration").json()
        finally:
            first.close()
        try:
            OpenIDProviderMetadata(metadata).validate()
        except (ValueError, TypeError, AttributeError) as error:
            raise ContractDrift(f"The provider's own description is not usable: {error}.") from None
        if metadata["issuer"] != self._config.issuer:
            raise ConfigError(
                "The provider calls itself otherwise than access.oidc.issuer does.",
                remedy="Write the issuer exactly as its own description has it.",
            )
        addresses = [metadata["token_endpoint"], metadata["jwks_uri"]]
        transport = self._transport(*(_origin(address) for address in addresses))
        try:
            keys = KeySet.import_key_set(transport.get(metadata["jwks_uri"]).json())
        except (JoseError, ValueError, TypeError, KeyError) as error:
            transport.close()
            raise ContractDrift(
                f"The provider's keys are not usable: {type(error).__name__}."
            ) from None
        return _Known(metadata, transport, keys, self._clock.now() + METADATA_LASTS)

    def _transport(self, *others: str) -> Transport:
        settings = TransportSettings(
            base_url=self._config.issuer,
            other_urls=others,
            ca_file=self._config.ca_file,
            read_timeout_seconds=10.0,
            answer_timeout_seconds=15.0,
            max_answer_bytes=1024 * 1024,
            tries=2,
            retry_total_seconds=10.0,
            patience_seconds=2.0,
            forbidden_means_reconnect=False,
        )
        secret = self._config.client_secret.reveal()
        return Transport("provider", settings, self._clock, secrets=[secret])


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _name(claims: Mapping[str, Any], email: str) -> str:
    name = " ".join(str(claims.get("name") or "").split())
    return name[:100] if name and name.isprintable() else email.partition("@")[0]


def _word(error: str) -> str:
    """The protocol's word for what went wrong, and nothing else a stranger may have put there."""
    return (
        error
        if error.isascii() and error.replace("_", "").isalnum() and len(error) < 60
        else "error"
    )
