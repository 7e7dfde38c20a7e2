"""One reader that refuses what two readers could understand differently, and a writer without floats."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector import strict_json
from connector.strict_json import MAX_DEPTH, JsonRefused, loads, loads_object, write

REFUSED = [
    b"",
    b" ",
    b"nul",
    b"{",
    b'{"a":}',
    b'{"a":1,}',
    b"[1,]",
    b"{'a':1}",
    b"{a:1}",
    b"[1] 2",
    b"01",
    b"+1",
    b".5",
    b"1.",
    b"1e",
    b"0x10",
    b"1_000",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b'{"a": NaN}',
    b'{"a":1,"a":1}',
    b'{"a":1,"b":{"c":1,"c":2}}',
    b'{"a":1,"\\u0061":2}',
    b"\xef\xbb\xbf{}",
    '{"a":1}'.encode("utf-16"),
    '{"a":1}'.encode("utf-32"),
    b'"\xff"',
    b'"\xc0\xaf"',
    b'"\xed\xa0\x80"',
    b'"\\ud800"',
    b'"\\udc00"',
    b'{"\\udbff": 1}',
    b'["\\uD83D\\u0041"]',
    b'"a\nb"',
    b'"a\x00b"',
    b'"\\x41"',
    b'"\\u12"',
    b"1" * 41,
    b"-" + b"1" * 41,
    b"9" * 5000,
    b"0." + b"1" * 41,
    b"1e41",
    b"1e400",
    b"1E-400",
    b"1e999999999999",
    b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    b'{"a":' * 60 + b"1" + b"}" * 60,
    b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b"/* x */ 1",
    b"// x\n1",
    b'{"a":1}\x00',
    b"true false",
    b"True",
    b"undefined",
    b'{"a":1}{"b":2}',
    b'{1:"a"}',
    b'{"a" 1}',
    b'"',
    b"\xfe\xff",
]


@pytest.mark.parametrize("raw", REFUSED, ids=[str(index) for index in range(len(REFUSED))])
def test_refused(raw):
    with pytest.raises(JsonRefused) as raised:
        loads(raw)
    assert len(str(raised.value)) < 100


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b' {"a": [1, -2, 0.10, 1e2, true, null, "\xc3\xa9"]} ', None),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"' + b"1" * 60 + b'"', "1" * 60),
        (b"1" * 40, int("1" * 40)),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
        (b"[" + b"{}," * 200 + b"{}]", [{}] * 201),
    ],
)
def test_accepted(raw, value):
    assert value is None or loads(raw) == value
    loads(raw)


def test_fractions_are_exact_decimals():
    value = loads(b'{"amount": 90071992547409.93, "rate": 1.005, "e": 1.5e1}')
    assert value == {
        "amount": Decimal("90071992547409.93"),
        "rate": Decimal("1.005"),
        "e": Decimal(15),
    }
    assert all(type(number) is Decimal for number in value.values())


def test_object_is_asked_for():
    assert loads_object(b'{"a": 1}') == {"a": 1}
    with pytest.raises(JsonRefused, match="not an object"):
        loads_object(b"[]")


def test_message_has_no_content():
    with pytest.raises(JsonRefused) as raised:
        loads(b'{"account_number": "12345", "account_number": "12345"}')
    assert "account" not in str(raised.value)


@given(st.binary(max_size=200))
@example(b"[" * 2000)
def test_any_bytes_are_read_or_refused(raw):
    try:
        value = loads(raw)
    except JsonRefused:
        return
    json.loads(raw)
    write(value)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**38), 10**38)
    | st.text()
    | st.decimals(
        allow_nan=False, allow_infinity=False, places=4, min_value=-(10**20), max_value=10**20
    ),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_what_is_written_is_read_back(value):
    assert loads(write(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=0, max_value=10**15))
def test_amounts_keep_every_digit(amount):
    assert write({"amount": amount}) == b'{"amount":%s}' % format(amount, "f").encode()


@pytest.mark.parametrize("bad", [1.5, {"a": [0.1]}, Decimal("NaN"), [Decimal("Infinity")]])
def test_floats_are_never_written(bad):
    with pytest.raises(JsonRefused):
        write(bad)


@pytest.mark.parametrize("raw", [b'{"a":"x\\u0000y"}', b'{"a\\u0000":1}', b'["\\u0000"]'])
def test_a_nul_is_read_and_not_stored(raw):
    loads(raw)
    with pytest.raises(JsonRefused, match="NUL"):
        strict_json.loads_storable(raw)


@pytest.mark.parametrize(
    "raw",
    [b'{"a":1,"a":1}', b'{"a":1.10}', b'{"a": 1}', b'{"a":1e2}', b'{"a":18446744073709551616}'],
)
def test_the_quick_way_says_what_the_careful_way_says(raw):
    def told(read):
        try:
            return read(raw), None
        except JsonRefused as refused:
            return None, str(refused)

    assert told(loads) == told(strict_json._carefully)
