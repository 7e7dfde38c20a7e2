"""Signature schemes: what they accept, what they refuse, and which of them cannot be built."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks

from tests.fakes import START
from tests.unit.webhooks.deliveries import (
    NOW,
    OLD_SECRET,
    OTHER_SECRET,
    SCHEMES,
    SECRET,
    STANDARD,
    TIMESTAMPED,
    event,
    mac,
    signed_headers,
)
from webhooks.signatures import BadSignature, SignatureScheme, Stale, secret_key

BODY = event()


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_an_honest_delivery_is_accepted(scheme: SignatureScheme) -> None:
    scheme.verify(lower(signed_headers(scheme, BODY)), BODY, START)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_another_secret_is_refused(scheme: SignatureScheme) -> None:
    headers = lower(signed_headers(scheme, BODY, secret=OTHER_SECRET))
    with pytest.raises(BadSignature, match="signature_mismatch"):
        scheme.verify(headers, BODY, START)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_no_header_is_refused(scheme: SignatureScheme) -> None:
    with pytest.raises(BadSignature, match="header_missing"):
        scheme.verify({}, BODY, START)


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_both_secrets_of_a_rotation_are_accepted(secret: bytes) -> None:
    headers = lower(signed_headers(TIMESTAMPED, BODY, secret=secret))
    TIMESTAMPED.verify(headers, BODY, START)


@pytest.mark.parametrize("scheme", [TIMESTAMPED, STANDARD], ids=["timestamped", "standard"])
@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
@pytest.mark.parametrize("microseconds", [0, 1, 999_999])
def test_a_timestamp_within_the_tolerance_is_accepted(
    scheme: SignatureScheme, seconds: int, microseconds: int
) -> None:
    headers = lower(signed_headers(scheme, BODY, timestamp=NOW + seconds))
    scheme.verify(headers, BODY, START + timedelta(microseconds=microseconds))


@pytest.mark.parametrize("scheme", [TIMESTAMPED, STANDARD], ids=["timestamped", "standard"])
@pytest.mark.parametrize("seconds", [-(10**9), -301, 301, 315_576_000])
def test_a_timestamp_outside_the_tolerance_is_refused_both_ways(
    scheme: SignatureScheme, seconds: int
) -> None:
    headers = lower(signed_headers(scheme, BODY, timestamp=NOW + seconds))
    with pytest.raises(Stale):
        scheme.verify(headers, BODY, START)


ODD_TIMESTAMPS = [
    *("", " ", "0", f"0{NOW}", f"+{NOW}", f"-{NOW}", f"{NOW}.0", f"{NOW}.9", f" {NOW}", f"{NOW} "),
    *(f"{NOW}\n", f"{NOW}_0", f"{str(NOW)[:4]}_{str(NOW)[4:]}", f"{NOW}e0", f"0x{NOW:x}", "1" * 13),
    *("1" * 400, "NaN", "now", "null", f"{NOW}\x00", f"{NOW}\xa0"),
    "".join(chr(0x660 + int(digit)) for digit in str(NOW)),
    "".join(chr(0xFF10 + int(digit)) for digit in str(NOW)),
]


@pytest.mark.parametrize("scheme", [TIMESTAMPED, STANDARD], ids=["timestamped", "standard"])
@pytest.mark.parametrize(
    "timestamp", ODD_TIMESTAMPS, ids=[f"odd-{n}" for n in range(len(ODD_TIMESTAMPS))]
)
def test_a_timestamp_is_plain_digits(scheme: SignatureScheme, timestamp: str) -> None:
    headers = lower(signed_headers(scheme, BODY, timestamp=timestamp))
    with pytest.raises(BadSignature):
        scheme.verify(headers, BODY, START)


def test_any_one_good_signature_of_a_list_suffices() -> None:
    good = signed_headers(TIMESTAMPED, BODY)["Test-Signature"].partition("v1=")[2]
    for signatures in ([good, "0" * 64], ["0" * 64, good], ["x", "", good]):
        text = ",".join([f"t={NOW}", *(f"v1={signature}" for signature in signatures)])
        TIMESTAMPED.verify({"test-signature": text}, BODY, START)


def test_a_signature_of_another_version_does_not_count() -> None:
    text = signed_headers(TIMESTAMPED, BODY)["Test-Signature"].replace("v1=", "v0=")
    with pytest.raises(BadSignature):
        TIMESTAMPED.verify({"test-signature": text}, BODY, START)


def test_more_signatures_than_anyone_sends_are_refused() -> None:
    good = signed_headers(TIMESTAMPED, BODY)["Test-Signature"].partition("v1=")[2]
    text = f"t={NOW}" + ",v1=0" * 16 + f",v1={good}"
    with pytest.raises(BadSignature, match="header_malformed"):
        TIMESTAMPED.verify({"test-signature": text}, BODY, START)


@pytest.mark.parametrize(
    "change", [str.upper, str.title, lambda text: " " + text, lambda text: text + "="]
)
def test_a_signature_has_one_spelling(change: Any) -> None:
    good = mac(f"{NOW}.".encode() + BODY).hex()
    with pytest.raises(BadSignature):
        TIMESTAMPED.verify({"test-signature": f"t={NOW},v1={change(good)}"}, BODY, START)


def test_upper_case_hex_where_the_platform_writes_it() -> None:
    scheme = SignatureScheme(header="X", secrets=(SECRET,), encoding="hex-upper")
    scheme.verify({"x": mac(BODY).hex().upper()}, BODY, START)
    with pytest.raises(BadSignature):
        scheme.verify({"x": mac(BODY).hex()}, BODY, START)


def test_the_standard_scheme_agrees_with_the_public_library() -> None:
    text = "whsec_" + base64.b64encode(SECRET).decode()
    now = datetime.now(UTC)
    signature = standardwebhooks.Webhook(text).sign("msg_9", now, BODY.decode())
    scheme = SignatureScheme(
        header="webhook", secrets=(secret_key(text, "whsec"),), format="standard-webhooks"
    )
    headers = {
        "webhook-id": "msg_9",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }
    assert scheme.verify(headers, BODY, now) == "msg_9"


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "a\n", "é", "x" * 201])
def test_a_message_id_that_could_be_misread_is_refused(message_id: str) -> None:
    headers = lower(signed_headers(STANDARD, BODY, message_id=message_id))
    with pytest.raises(BadSignature, match="header_malformed"):
        STANDARD.verify(headers, BODY, START)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"secrets": ()}, "1 to 8 values"),
        ({"secrets": (b"",)}, "0 bytes; at least 24"),
        ({"secrets": (SECRET, b"x" * 23)}, "23 bytes; at least 24"),
        ({"secrets": (b"a" * 40,)}, "placeholder"),
        ({"secrets": (SECRET,) * 9}, "not 9"),
        ({"format": "stripe"}, "'stripe' is unknown. Use one of: timestamped"),
        ({"encoding": "base32"}, "'base32' is unknown"),
        ({"hash": "md5"}, "'md5' is unknown"),
        ({"hash": "sha1"}, "'sha1' is unknown"),
        ({"signed": "nothing"}, "'nothing' is unknown"),
        ({"header": ""}, "a header's name"),
        ({"header": "X Y"}, "a header's name"),
        ({"tolerance_seconds": 0}, "cannot be switched off"),
        ({"tolerance_seconds": 86_400}, "from 1 to 3600"),
        ({"signed": "timestamp.body"}, "carries no timestamp"),
        ({"version": ""}, "version not empty"),
    ],
)
def test_a_scheme_that_proves_nothing_cannot_be_built(
    settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence.replace("(", r"\(")):
        SignatureScheme(**{"header": "X", "secrets": (SECRET,), **settings})


def test_secrets_are_read_as_the_platform_writes_them() -> None:
    assert secret_key("whsec_abc") == b"whsec_abc"
    assert secret_key(SECRET.hex(), "hex") == SECRET
    assert secret_key(base64.b64encode(SECRET).decode(), "base64") == SECRET
    assert secret_key("whsec_" + base64.b64encode(SECRET).decode(), "whsec") == SECRET


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("zz-not-hex", "hex"), ("%%%%", "base64"), ("nope", "whsec"), ("é", "base64")],
)
def test_a_secret_that_cannot_be_read_is_not_repeated(text: str, encoding: Any) -> None:
    with pytest.raises(ValueError, match="is not") as caught:
        secret_key(text, encoding)
    assert text not in str(caught.value)


def test_a_scheme_does_not_show_its_secrets() -> None:
    assert SECRET.decode() not in repr(TIMESTAMPED)
    assert "secrets" not in repr(TIMESTAMPED)
