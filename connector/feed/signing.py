"""How an event is signed: Standard Webhooks, symmetric (https://www.standardwebhooks.com, HMAC-SHA256, `v1`)."""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Sequence
from datetime import datetime

from connector.secrets import Secret
from webhooks.signatures import secret_key

SECRET_BYTES = 32
PREFIX = "whsec_"


def new_secret() -> str:
    """A fresh signing secret: 32 random bytes in base64 after `whsec_`."""
    return PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode("ascii")


def signed_headers(
    event_id: str, sent_at: datetime, body: bytes, secrets: Sequence[Secret]
) -> dict[str, str]:
    """The three headers of one try. During a rotation there are several secrets, and as many signatures.

    `event_id` is the same for every try of an event, so that a receiver knows a repetition; `sent_at` is this try's.
    """
    timestamp = str(int(sent_at.timestamp()))
    signed = f"{event_id}.{timestamp}.".encode("ascii") + body
    signatures = [
        base64.b64encode(
            hmac.digest(secret_key(secret.reveal(), "whsec"), signed, "sha256")
        ).decode("ascii")
        for secret in secrets
    ]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
