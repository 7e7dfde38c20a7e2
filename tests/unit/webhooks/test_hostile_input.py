"""What a stranger, or a broken sender, may send: never a 5xx, never a row without proof, never a retry storm."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.unit.webhooks.deliveries import (
    NOW,
    PATH,
    PLAIN_BASE64,
    PLAIN_HEX,
    SCHEMES,
    TIMESTAMPED,
    Doorway,
    endpoint,
    event,
    mac,
    signed_headers,
)
from webhooks.signatures import SignatureScheme

GOOD = mac(f"{NOW}.".encode() + event()).hex()
ZEROS = "0" * 64

GARBAGE = [
    *("", " ", ",", ",,", "=", "==", "t", "t=", "v1", "v1=", "null", "undefined", "{}", "[]"),
    *("\x00", "\x7f", "\x1f", "\t", "\xa0", "\xff" * 64, "é", "ÿ", "Ã©", "%00", "%0d%0a"),
    *("a" * 5000, "t=1," * 3000, "v1=" + "0" * 10_000, "," * 4096, "=" * 4096),
    *("sha256", "sha256=", "sha256=" + ZEROS, "SHA256=" + ZEROS, "sha1=" + "0" * 40),
    *("Basic dTpw", "Bearer x", "v1,", "v1,=", "v1,!!!", "v1, v1,", "v1a,AAAA", "  v1,AA  "),
    *("t=1&v1=2", "t:1,v1:2", "v1:", "\\x00", "\\u0000"),
    *("' OR 1=1 --", "<script>", "${jndi:ldap://x}", "{{7*7}}", "../../etc/passwd", "-1", "1e9"),
]
AROUND_A_GOOD_ONE = [
    *(f"v1={GOOD}", f"t={NOW}", f"t={NOW},v1=", f"t={NOW};v1={GOOD}", f"t={NOW} v1={GOOD}"),
    *(f"t={NOW},v0={GOOD}", f"t={NOW},v2={GOOD}", f"t={NOW},V1={GOOD}", f"T={NOW},v1={GOOD}"),
    *(f"t={NOW},t={NOW},v1={GOOD}", f"t={NOW},v1={GOOD},t=1", f"t={NOW - 1},v1={GOOD}"),
    *(f"t={NOW + 1},v1={GOOD}", f"t={NOW},v1={GOOD[:-1]}", f"t={NOW},v1={GOOD}0"),
    *(f"t={NOW},v1={GOOD.upper()}", f"t={NOW},v1= {GOOD}", f"t={NOW},v1={GOOD}\x00"),
    *(f"t={NOW},v1={GOOD[::-1]}", f"t={NOW},v1={ZEROS}", f"t ={NOW},v1={GOOD}"),
    *(f"t={NOW},v1=0x{GOOD}", f"t={NOW},v1={GOOD},", f"t={NOW},,v1={GOOD}", f'"t={NOW},v1={GOOD}"'),
    *(f"t=0{NOW},v1={GOOD}", f"t=+{NOW},v1={GOOD}", f"t={NOW}.0,v1={GOOD}", f"t={NOW}é,v1={GOOD}"),
    *(f"t={'9' * 5000},v1={GOOD}", f"t=,v1={GOOD}", f"t=NaN,v1={GOOD}", f"t={NOW}\n,v1={GOOD}"),
]
HEADERS = GARBAGE + AROUND_A_GOOD_ONE


def acceptable(value: str) -> bool:
    """Whether a test client can send it: a real server refuses the rest itself."""
    return not any(mark in value for mark in "\r\n")


@pytest.mark.parametrize("name", SCHEMES)
def test_malformed_headers_are_refused_and_leave_nothing(name: str) -> None:
    scheme = SCHEMES[name]
    door = Doorway(endpoint(scheme=scheme))
    honest = signed_headers(scheme, event())
    tried = 0
    for header in honest:
        for value in filter(acceptable, HEADERS):
            answer = door.post(event(), {**honest, header: value})
            assert (answer.status_code, answer.data) == (401, b""), (header, value)
            tried += 1
    assert tried >= 60
    assert door.events == []


def test_the_corpus_of_headers_is_large() -> None:
    assert (
        sum(len(signed_headers(scheme, b"")) for scheme in SCHEMES.values()) * len(HEADERS) >= 500
    )


@pytest.mark.parametrize("scheme", [PLAIN_HEX, PLAIN_BASE64], ids=["hex", "base64"])
def test_a_plain_signature_of_another_length_is_refused(scheme: SignatureScheme) -> None:
    door = Doorway(endpoint(scheme=scheme))
    (name, good), *_ = signed_headers(scheme, event()).items()
    for cut in range(len(good)):
        assert door.post(event(), {name: good[:cut]}).status_code == 401
    for extra in ("=", "0", " ", "\x00", good):
        assert door.post(event(), {name: good + extra}).status_code == 401
    assert door.events == []


DEEP = 20_000
HOSTILE_JSON: list[bytes] = [
    *(
        b"",
        b" ",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"\xef\xbb\xbf" + event(),
        b"null",
        b"true",
    ),
    *(
        b"1",
        b'"text"',
        b"[]",
        b'["id"]',
        b"{}",
        b"{",
        b"}",
        b"[",
        b"{]",
        b"{,}",
        b'{"id"}',
        b'{"id":}',
    ),
    *(b'{"id":"a",}', b"{'id':'a'}", b'{id:"a"}', b'{"id":"a"}{"id":"b"}', b'{"id":"a"} x'),
    *(b'{"id":"a","id":"b"}', b'{"id":"a","x":{"y":1,"y":2}}', b'{"id":"a","\\u0069d":"b"}'),
    *(b'{"id":NaN}', b'{"id":"a","x":NaN}', b'{"x":Infinity,"id":"a"}', b'{"x":-Infinity}'),
    *(
        b'{"id":1e400}',
        b'{"id":"a","x":1e999999999}',
        b'{"x":-1e-999999999,"id":"a"}',
        b'{"id":01}',
    ),
    *(
        b'{"id":' + b"9" * 5000 + b"}",
        b'{"id":"a","x":-' + b"1" * 5000 + b"}",
        b'{"id":+1}',
        b'{"id":.5}',
    ),
    *(
        b'{"id":0x10}',
        b'{"id":"a","x":1_000}',
        b"[" * DEEP,
        b"[" * DEEP + b"]" * DEEP,
        b'{"a":' * DEEP,
    ),
    *(b'{"a":' * 3000 + b"1" + b"}" * 3000, b'{"id":"\\ud800"}', b'{"id":"a","x":"\\udfff"}'),
    *(b'{"\\ud83d":1,"id":"a"}', b'{"id":"\xed\xa0\x80"}', b'{"id":"\xff"}', b'{"id":"\xc0\xaf"}'),
    *(b'{"id":"a\x00b"}', b'{"id":"a\nb"}', b'{"id":"\\u0000"}', b'{"id":"\\u202e"}', b"/*x*/{}"),
    *(event().decode().encode("utf-16"), event().decode().encode("utf-32"), b'{"id":"a"}\x00'),
    *(b'{"id":{"id":"a"}}', b'{"id":["a"]}', b'{"id":true}', b'{"ID":"a"}', b'{"":""}'),
    *(
        b"%PDF-1.7",
        b"<xml/>",
        b"id=a&type=b",
        b"\x1f\x8b\x08\x00" + b"\x00" * 20,
        b'{"__proto__":{"id":"a"}}',
    ),
    b'{"id":"' + b"x" * 3000 + b'"}',
    json.dumps({"id": "evt", "k": ["\\" * 1000]}).encode()[:-3],
]


class NoLimitDoorway(Doorway):
    """The cap is another test's subject."""

    def __init__(self, scheme: SignatureScheme | None) -> None:
        hook = endpoint(scheme=scheme)
        object.__setattr__(hook, "body_limit_bytes", 1_000_000)
        super().__init__(hook)


def test_the_corpus_of_documents_is_large() -> None:
    assert len(HOSTILE_JSON) >= 60
    assert len(set(HOSTILE_JSON)) == len(HOSTILE_JSON)


@pytest.mark.parametrize("scheme", [TIMESTAMPED, None], ids=["signed", "hint"])
@pytest.mark.parametrize("body", HOSTILE_JSON, ids=[f"json-{n}" for n in range(len(HOSTILE_JSON))])
def test_a_proven_body_is_stored_raw_and_acknowledged_whatever_it_is(
    body: bytes, scheme: SignatureScheme | None
) -> None:
    door = NoLimitDoorway(scheme)
    headers = signed_headers(TIMESTAMPED, body) if scheme else {}
    for _ in range(2):
        assert door.post(body, headers).status_code == 200
    (stored,) = door.events
    assert stored.body == body
    assert stored.event_id in ("a", "sha256:" + hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("body", HOSTILE_JSON, ids=[f"json-{n}" for n in range(len(HOSTILE_JSON))])
def test_the_same_body_without_proof_is_refused(body: bytes) -> None:
    door = NoLimitDoorway(TIMESTAMPED)
    assert door.post(body).status_code == 401
    assert door.events == []


def test_a_parser_that_breaks_does_not_break_the_doorway() -> None:
    for failure in (RecursionError(), MemoryError(), ValueError(), KeyError("x"), AttributeError()):

        def breaks(_: bytes, failure: Exception = failure) -> object:
            raise failure

        door = Doorway(parse_json=breaks)
        assert door.post_signed(event()).status_code == 200
        assert door.events[0].event_id.startswith("sha256:")


@pytest.mark.parametrize(
    "path", ["%00", "..%2f..", "é" * 30, "%ff" * 30, PATH + "%20", PATH.upper(), "x" * 8000]
)
def test_odd_paths_are_refused(path: str) -> None:
    door = Doorway()
    answer = door.post(event(), signed_headers(TIMESTAMPED, event()), path=path)
    assert answer.status_code in (401, 404)
    assert door.events == []
