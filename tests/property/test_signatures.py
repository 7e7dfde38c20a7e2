"""Whatever byte of a signed delivery is changed, it is refused; whatever bytes come, nothing else is raised."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import START
from tests.unit.webhooks.deliveries import NOW, OTHER_SECRET, SCHEMES, SECRET, signed_headers
from webhooks.signatures import BadSignature, SignatureScheme

schemes = st.sampled_from(sorted(SCHEMES)).map(SCHEMES.__getitem__)
header_text = st.text(st.characters(max_codepoint=255), max_size=200)


def delivery(scheme: SignatureScheme, body: bytes, **how: object) -> dict[str, str]:
    headers = signed_headers(scheme, body, **how)  # type: ignore[arg-type]
    return {name.lower(): value for name, value in headers.items()}


@given(scheme=schemes, body=st.binary(max_size=300))
def test_every_body_can_be_signed(scheme: SignatureScheme, body: bytes) -> None:
    scheme.verify(delivery(scheme, body), body, START)


@settings(max_examples=400)
@given(
    scheme=schemes,
    body=st.binary(min_size=1, max_size=300),
    where=st.integers(min_value=0),
    change=st.integers(1, 255),
)
def test_any_changed_byte_of_the_body_is_refused(
    scheme: SignatureScheme, body: bytes, where: int, change: int
) -> None:
    headers = delivery(scheme, body)
    changed = bytearray(body)
    changed[where % len(body)] ^= change
    with pytest.raises(BadSignature):
        scheme.verify(headers, bytes(changed), START)


@given(scheme=schemes, body=st.binary(max_size=100), more=st.binary(min_size=1, max_size=20))
def test_a_longer_or_shorter_body_is_refused(
    scheme: SignatureScheme, body: bytes, more: bytes
) -> None:
    with pytest.raises(BadSignature):
        scheme.verify(delivery(scheme, body), body + more, START)
    with pytest.raises(BadSignature):
        scheme.verify(delivery(scheme, body + more), body, START)


@settings(max_examples=600)
@given(
    scheme=schemes,
    body=st.binary(max_size=60),
    which=st.integers(min_value=0),
    where=st.integers(min_value=0),
    to=st.characters(max_codepoint=255),
)
def test_any_changed_character_of_a_header_is_refused(
    scheme: SignatureScheme, body: bytes, which: int, where: int, to: str
) -> None:
    headers = delivery(scheme, body)
    name = sorted(headers)[which % len(headers)]
    value = headers[name]
    at = where % len(value)
    if value[at] == to:
        return
    headers[name] = value[:at] + to + value[at + 1 :]
    with pytest.raises(BadSignature):
        scheme.verify(headers, body, START)


@settings(max_examples=500)
@given(scheme=schemes, body=st.binary(max_size=60), data=st.data())
def test_no_header_raises_anything_else(
    scheme: SignatureScheme, body: bytes, data: st.DataObject
) -> None:
    headers = {name: data.draw(header_text) for name in delivery(scheme, body)}
    with pytest.raises(BadSignature):
        scheme.verify(headers, body, START)


@given(scheme=schemes, body=st.binary(max_size=60), secret=st.binary(min_size=24, max_size=64))
def test_no_other_secret_opens(scheme: SignatureScheme, body: bytes, secret: bytes) -> None:
    if secret in scheme.secrets:
        return
    for wrong in (secret, OTHER_SECRET, SECRET[:-1], SECRET + b"x", SECRET.upper()):
        with pytest.raises(BadSignature):
            scheme.verify(delivery(scheme, body, secret=wrong), body, START)


@given(
    body=st.binary(max_size=60),
    before=st.lists(st.text("0123456789abcdef", max_size=64), max_size=5),
    after=st.lists(st.text("0123456789abcdef", max_size=64), max_size=5),
)
def test_one_good_signature_anywhere_in_a_list_is_enough(
    body: bytes, before: list[str], after: list[str]
) -> None:
    scheme = SCHEMES["timestamped"]
    good = delivery(scheme, body)["test-signature"].partition("v1=")[2]
    listed = ",".join(f"v1={signature}" for signature in [*before, good, *after])
    scheme.verify({"test-signature": f"t={NOW},{listed}"}, body, START)


@given(scheme=schemes, offset=st.integers(-(10**6), 10**6))
def test_the_window_is_symmetric_and_exact(scheme: SignatureScheme, offset: int) -> None:
    headers = delivery(scheme, b"{}", timestamp=NOW + offset)
    if scheme.format == "plain" or abs(offset) <= 300:
        scheme.verify(headers, b"{}", START)
    else:
        with pytest.raises(BadSignature):
            scheme.verify(headers, b"{}", START)
