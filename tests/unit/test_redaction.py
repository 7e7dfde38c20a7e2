"""Secrets do not reach a log, in whatever form they travel."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.logs import configure_logs
from connector.redaction import Redactor
from connector.secrets import MASK, Secret

KNOWN = 'pa ss"w/ord+1'


@pytest.mark.parametrize(
    "form",
    [
        KNOWN,
        quote(KNOWN, safe=""),
        json.dumps(KNOWN)[1:-1],
        base64.b64encode(KNOWN.encode()).decode(),
    ],
)
def test_a_known_secret_is_found_in_the_forms_it_travels_in(form: str) -> None:
    assert Redactor([Secret(KNOWN)]).scrub(f"before {form} after") == f"before {MASK} after"


def test_a_secret_learnt_later_is_known() -> None:
    redactor = Redactor()
    assert "opaque-9931" in redactor.scrub("got opaque-9931")
    redactor.learn("opaque-9931")
    assert redactor.scrub("got opaque-9931") == f"got {MASK}"


def test_each_of_several_keys_is_known() -> None:
    assert Redactor([Secret("first-key\nsecond-key\n")]).scrub("second-key") == MASK


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Basic dGVzdDpwYXNzd29yZA==", "dGVz"),
        ("{'authorization': 'Bearer abc.def-ghi'}", "abc.def"),
        ("sent Bearer eyJhbGciOi.eyJzdWIi.sig", "eyJ"),
        ("postgresql://me:hunter22@db/x", "hunter22"),
        ("https://:hunter22@host", "hunter22"),
        ('{"account_number": "12345678", "x": 1}', "12345678"),
        ("client_secret=hunter22&grant_type=x", "hunter22"),
        ("password: hunter22", "hunter22"),
        ('"refresh_token":"a \\" b"', "a \\"),
        ("jwt eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln", "eyJ"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "MIIE"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE cut", "MIIE"),
    ],
)
def test_what_has_the_shape_of_a_credential_is_masked(text: str, left: str) -> None:
    assert left in text
    assert left not in Redactor().scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        "Pulled 100 invoices of finexio: 98 mapped, 2 held.",
        "2026-03-02 https://host/v1/invoices/?page=2 answered 200",
        "invoice 7 at tokens/page: basic check passed",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert Redactor([Secret("abc")]).scrub(text) == text


@given(st.text(min_size=4).filter(lambda s: s.strip() and s not in MASK), st.text(), st.text())
def test_no_known_secret_survives(secret: str, before: str, after: str) -> None:
    scrubbed = Redactor([Secret(secret)]).scrub(f"{before}\0{secret}\0{after}")
    assert f"\0{secret}\0" not in scrubbed


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root, level = logging.getLogger(), logging.getLogger().level
    handlers = list(root.handlers)
    yield io.StringIO()
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_plain_lines_are_single_and_clean(lines: io.StringIO) -> None:
    configure_logs("info", "plain", Redactor([Secret("hunter22")]), lines)
    log = logging.getLogger("connector.test")
    log.info("told: %s", "one\nERROR forged \x1b[31m hunter22", extra={"connection": "books"})
    log.debug("not at this level")
    (line,) = lines.getvalue().splitlines()
    assert line.endswith(
        f"Z INFO connector.test: told: one ERROR forged ?[31m {MASK} connection=books"
    )


@pytest.mark.parametrize("line_format", ["plain", "json"])
def test_a_traceback_holds_no_secret(line_format: str, lines: io.StringIO) -> None:
    configure_logs("info", line_format, Redactor([Secret("hunter22")]), lines)
    try:
        raise ValueError("it was hunter22, password=open-sesame")
    except ValueError:
        logging.getLogger("connector.test").exception("failed")
    text = lines.getvalue()
    assert "ValueError: it was" in text
    assert "hunter22" not in text
    assert "open-sesame" not in text


def test_json_lines_can_be_searched(lines: io.StringIO) -> None:
    configure_logs("debug", "json", Redactor([Secret("hunter22")]), lines)
    logging.getLogger("connector.test").warning(
        "two\nlines", extra={"run_id": 7, "url": "https://x/?token=abcdef", "known": "hunter22"}
    )
    (line,) = lines.getvalue().splitlines()
    event = json.loads(line)
    assert event.pop("time").endswith("Z")
    assert event == {
        "level": "warning",
        "logger": "connector.test",
        "message": "two\nlines",
        "run_id": 7,
        "url": f"https://x/?token={MASK}",
        "known": MASK,
    }


def test_setting_up_twice_does_not_double_the_lines(lines: io.StringIO) -> None:
    for _ in range(2):
        configure_logs("info", "plain", Redactor(), lines)
    logging.getLogger("connector.test").info("once")
    assert lines.getvalue().count("once") == 1
