"""A profile is read as it stands, and what is wrong with one is said by file, line and key."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from connector.config.load import load_config
from connector.errors import ConfigError, Refused
from connector.financier import (
    Contact,
    FinancingStatus,
    InvoiceDocument,
    LimitRequest,
    LimitStatus,
    SessionStatus,
)
from connector.financier_answers import Misshapen
from connector.financiers.hosted_session import HostedSession
from connector.financiers.hosted_session.answers import Reader
from connector.financiers.hosted_session.bodies import Writer
from connector.financiers.hosted_session.profile import SHIPPED, load_profile, read_profile
from connector.financiers.hosted_session.profile_schema import NAMES
from connector.secrets import Secret, new_key
from connector.system import Counterparty
from tests.conformance.harness_hosted_session import SECOND_PROFILE
from tests.unit.hosted_session.test_answers import DONE, SUBMISSION

STENN_TEXT = (SHIPPED / "stenn.toml").read_text(encoding="utf-8")
STENN = load_profile("stenn", Path())
SECOND = load_profile(str(SECOND_PROFILE), Path())


def loaded(**settings: Any) -> Any:
    raw = {"base_url": "https://a.example", "client_id": "c", "client_secret": Secret("s" * 8)}
    return HostedSession.settings_schema().load({**raw, **settings})


# -- the shipped one --------------------------------------------------------------------------------------------------


def test_the_shipped_profile_says_what_the_documents_say() -> None:
    assert STENN.access.scheme == "client_credentials"
    assert STENN.paths.companies == "/v1/companies"
    assert STENN.paths.cancel_session is None
    assert STENN.limits_required
    assert not STENN.signs_webhooks
    assert STENN.fields["invoice"]["financing"] == "financing"
    assert STENN.session_words["completed"] is SessionStatus.COMPLETE
    assert STENN.invoice_words["financed"] is FinancingStatus.FUNDED


@pytest.mark.parametrize("profile", [STENN, SECOND])
def test_every_name_is_known_in_every_profile(profile: Any) -> None:
    assert {thing: set(names) for thing, names in profile.fields.items()} == {
        thing: set(names) for thing, names in NAMES.items()
    }


# -- what is wrong with one -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('scheme = "client_credentials"', 'scheme = "magic"', "access.scheme: expected one of"),
        ('invoices = "/v1/invoices"', 'invoices = "v1"', "paths.invoices: A path begins with `/`"),
        ('invoices = "/v1/invoices"', "", "paths.invoices: this key is missing"),
        ('amount = "major"', 'amuont = "major"', "requests.amuont: unknown key. Did you mean"),
        ('financed = "funded"', 'financed = "paid"', "words.invoice.financed: expected one of"),
        ('financed = "funded"', 'financed = "unknown"', "words.invoice.financed: expected one of"),
        ('approved = "approved"\ndenied', "denied", "no word means `approved`"),
        ("required = true", "required = 1", "limits.required: expected true or false"),
        ('currencies = ["USD", "GBP", "EUR"]', 'currencies = ["usd"]', "Give codes such as USD"),
        ('supporting_document = "document_id"', 'supporting_document = "a b"', "name of a field"),
        ('supporting_document = "document_id"', 'supporting = "x"', "unknown key"),
        ("[words.limit]", "[word.limit]", "word: unknown key"),
        ('sentence = "Stenn', 'sentences = "Stenn', "sentence: this key is missing"),
        ('buyer_limits = "/v1/buyer_limits"', 'cancel_session = "/x"', "must name the session"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, said: str) -> None:
    assert STENN_TEXT.count(old) == 1
    with pytest.raises(ConfigError, match=r"own\.toml") as raised:
        read_profile(STENN_TEXT.replace(old, new), "own.toml")
    assert said in str(raised.value)


def test_a_problem_names_its_line() -> None:
    line = STENN_TEXT[: STENN_TEXT.index('financed = "funded"')].count("\n") + 1
    with pytest.raises(ConfigError, match=rf"own\.toml:{line}: words\.invoice\.financed"):
        read_profile(STENN_TEXT.replace('financed = "funded"', "financed = 7"), "own.toml")


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        read_profile(STENN_TEXT.replace('= "/v1/', '= "v1/'), "own.toml")
    assert len(str(raised.value).splitlines()) == 5


LINES = [n for n, line in enumerate(STENN_TEXT.splitlines()) if " = " in line.partition("#")[0]]


@given(line=st.sampled_from(LINES), value=st.sampled_from(["7", "1.5", '""', "[[]]", "{}", "true"]))
def test_any_other_value_is_taken_or_refused_in_words(line: int, value: str) -> None:
    lines = STENN_TEXT.splitlines()
    lines[line] = f"{lines[line].partition(' = ')[0]} = {value}"
    try:
        read_profile("\n".join(lines), "own.toml")
    except ConfigError as error:
        assert str(error).startswith(f"own.toml:{line + 1}: ")


@pytest.mark.parametrize(
    "table", ["access", "paths", "requests", "limits", "words", "fields", "parts"]
)
def test_what_is_no_table_is_refused(table: str) -> None:
    begun = re.split(r"^\[", STENN_TEXT, maxsplit=1, flags=re.MULTILINE)[0]
    kept = re.split(r"^(?=\[)", STENN_TEXT, flags=re.MULTILINE)[1:]
    others = "".join(part for part in kept if not re.match(rf"\[{table}[.\]]", part))
    with pytest.raises(ConfigError, match=rf"{table}: expected a table, found a whole number"):
        read_profile(f"{begun}\n{table} = 7\n{others}", "own.toml")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("nobody", None, "There is no profile 'nobody'"),
        ("none.toml", None, "cannot be read"),
        ("bad.toml", b"\xff", "not UTF-8"),
        ("bad.toml", b"a = ", "not valid TOML"),
        ("large.toml", b"#" * 300_000, "larger than"),
    ],
)
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        load_profile(name, tmp_path)


# -- in an account's settings -----------------------------------------------------------------------------------------


def test_an_account_says_otherwise_than_its_profile() -> None:
    profile = loaded(
        invoices_path="/v2/invoices",
        token_url="https://b.example/token",
        supporting_document_key="doc",
        currencies=["USD"],
        signs_webhooks=True,
        buyer_limits_required=False,
        cancel_session_path="/v1/financing_sessions/{session}/cancel",
    )["profile"]
    assert profile.paths.invoices == "/v2/invoices"
    assert profile.paths.companies == "/v1/companies"
    assert profile.paths.cancel_session == "/v1/financing_sessions/{session}/cancel"
    assert profile.access.token_url == "https://b.example/token"
    assert profile.fields["session"]["supporting_document"] == "doc"
    assert profile.fields["session"]["supporting_invoice"] == "invoice_id"
    assert profile.requests.currencies == ("USD",)
    assert (profile.signs_webhooks, profile.limits_required) == (True, False)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"client_secret": None}, "client_secret"),
        ({"profile": str(SECOND_PROFILE)}, "api_key"),
        ({"profile": "nobody"}, "profile"),
        ({"locale": "de_DE"}, "locale"),
        ({"type_of_goods": ["food"]}, "type_of_goods"),
        ({"cancel_session_path": "/v1/cancel"}, "cancel_session_path"),
        ({"idempotency_header": "a b"}, "idempotency_header"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], key: str) -> None:
    raw = {"base_url": "https://a.example", "client_id": "c", "client_secret": Secret("s" * 8)}
    given = {name: value for name, value in {**raw, **settings}.items() if value is not None}
    with pytest.raises(ValidationError) as raised:
        HostedSession.settings_schema().load(given)
    assert list(raised.value.messages) == [key]


CONFIG = """\
[store]
url = "sqlite:///connector.db"
[encryption]
key = { env = "KEY" }
[financiers.bank]
platform = "hosted_session"
base_url = "https://a.example"
profile = "PROFILE"
api_key = { env = "API_KEY" }
[financiers.bank.webhook]
path_secrets = [{ env = "PATH_SECRET" }]
event_id_field = "event_id"
[financiers.bank.webhook.signature]
secrets = [{ env = "SIGNING" }]
"""


def _config(tmp_path: Path, key: str, text: str) -> Any:
    path = tmp_path / "connector.toml"
    path.write_text(text, encoding="utf-8")
    environ = {
        "KEY": key,
        "API_KEY": "made-up-api-key",
        "PATH_SECRET": "path-secret-that-nobody-guesses-01",
        "SIGNING": "made-up-signing-secret-for-tests",
    }
    schemas = {"hosted_session": HostedSession.settings_schema}
    return load_config(path, environ, systems={}, financiers=schemas)


@pytest.fixture
def key() -> str:
    return new_key()


def test_the_profile_says_how_webhooks_are_signed(tmp_path: Path, key: str) -> None:
    (tmp_path / "second.toml").write_bytes(SECOND_PROFILE.read_bytes())
    config = _config(tmp_path, key, CONFIG.replace("PROFILE", "second.toml"))
    account = config.financiers["bank"]
    assert account.settings["profile"].access.scheme == "api_key"
    signature = account.webhook.signature
    assert (signature.header, signature.format) == ("X-Ledger-Signature", "plain")


def test_the_account_wins_over_the_profile(tmp_path: Path, key: str) -> None:
    text = CONFIG.replace("PROFILE", str(SECOND_PROFILE)) + 'header = "X-Other"\n'
    signature = _config(tmp_path, key, text).financiers["bank"].webhook.signature
    assert (signature.header, signature.format) == ("X-Other", "plain")


def test_a_bad_profile_is_a_problem_of_the_configuration(tmp_path: Path, key: str) -> None:
    (tmp_path / "own.toml").write_text("sentence = 'x'\n[access]\nscheme = 'magic'\n")
    with pytest.raises(ConfigError) as raised:
        _config(tmp_path, key, CONFIG.replace("PROFILE", "own.toml"))
    assert "connector.toml:8: financiers.bank.profile:" in str(raised.value)
    assert "own.toml:3: access.scheme" in str(raised.value)


# -- speaking by it ---------------------------------------------------------------------------------------------------


def test_another_platform_is_spoken_to_in_its_own_words() -> None:
    writer = Writer(SECOND)
    invoice = writer.invoice(SUBMISSION, DONE, [])
    assert invoice == {
        "number": "N-1",
        "external_id": "ref-1",
        "file": "doc_1",
        "currency_code": "USD",
        "value": 8_800_000,
        "payable_on": "2026-12-22",
        "debtor": "company_2",
        "creditor": "company_1",
    }
    session = writer.session(SUBMISSION, DONE, ["doc_2"], None)
    assert session["language"] == "english"
    assert session["attachments"] == [{"receivable": "inv_1", "file": "doc_2"}]


def test_people_of_a_company_are_told_only_where_the_profile_says_so() -> None:
    party = Counterparty("c", "Buyer", "buyer", "GB", email="a@b.example", address={"city": "Ayr"})
    assert Writer(STENN).company(party) == {
        "name": "Buyer",
        "address": {"city": "Ayr", "country_code": "GB"},
    }
    assert Writer(SECOND).company(party)["people"] == [{"mail": "a@b.example", "asks_us": True}]


def test_a_limit_is_asked_for_in_the_platforms_currency() -> None:
    contact = Contact(first_name="Ann", email="ann@b.example")
    asked = LimitRequest(25_000_000, "USD", duns="123456789", contact=contact)
    assert Writer(STENN).limit("company_1", asked) == {
        "company": "company_1",
        "requested_limit": Decimal("250000.00"),
        "business_information_source": "dnb",
        "business_information_id": "123456789",
        "contact": {"first_name": "Ann", "email": "ann@b.example"},
    }
    with pytest.raises(Refused, match="USD"):
        Writer(STENN).limit("company_1", LimitRequest(1, "EUR"))


@pytest.mark.parametrize(
    ("form", "sent"),
    [("major", Decimal("88000.00")), ("major_text", "88000.00"), ("minor", 8800000)],
)
def test_every_form_of_an_amount(form: str, sent: Any) -> None:
    text = STENN_TEXT.replace('amount = "major"', f'amount = "{form}"')
    profile = read_profile(text, "own.toml")
    body = Writer(profile).invoice(SUBMISSION, DONE, [])
    assert body["amount"] == sent
    told = {**body, "id": "inv_1", "status": "new", "financing": {"first_payment": sent}}
    read = Reader(profile).invoice(told, b"")
    assert read.amount_minor_units == read.financing["first_payment"] == 8_800_000


@given(amount=st.integers(1, 10**14), form=st.sampled_from(["major", "major_text", "minor"]))
def test_an_amount_comes_back_as_it_was_sent(amount: int, form: str) -> None:
    profile = replace(STENN, requests=replace(STENN.requests, amount=form))
    submission = replace(SUBMISSION, amount_minor_units=amount)
    body = Writer(profile).invoice(submission, DONE, [])
    told = Reader(profile).invoice({**body, "id": "inv_1", "status": "new"}, b"")
    assert (told.currency, told.amount_minor_units) == ("USD", amount)


def test_minor_units_of_no_currency_are_no_money() -> None:
    told = {"uid": "i", "currency_code": "ZZZ", "value": 5, "state": "created"}
    with pytest.raises(Misshapen, match="currency"):
        Reader(SECOND).invoice(told, b"")


# -- companies and limits ---------------------------------------------------------------------------------------------

COMPANY = {
    "id": "company_1",
    "name": "Buyer",
    "address": {"country_code": "gb"},
    "buyer_limit": {"status": "approved", "total_limit": 100000, "available_limit": 99.5},
    "contacts": {"object": "list", "data": [{"email": "a@b.example", "is_signatory": True}]},
}


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("approved", LimitStatus.APPROVED),
        ("Under Review", LimitStatus.UNDER_REVIEW),
        ("denied", LimitStatus.DENIED),
        ("approved?", LimitStatus.UNKNOWN),
    ],
)
def test_the_status_of_a_limit(word: str, status: LimitStatus) -> None:
    told = Reader(STENN).company({**COMPANY, "buyer_limit": {"status": word}})
    assert told.buyer_limit is not None
    assert (told.buyer_limit.status, told.buyer_limit.raw_status) == (status, word)


def test_amounts_of_a_limit_are_told_where_they_are_exact() -> None:
    limit = {"status": "approved", "total_limit": 100000, "available_limit": Decimal("0.001")}
    told = Reader(STENN).company({**COMPANY, "buyer_limit": limit})
    assert told.buyer_limit is not None
    assert told.buyer_limit.total_minor_units == 10_000_000
    assert told.buyer_limit.available_minor_units is None
    assert told.contacts == (Contact(email="a@b.example", is_signatory=True),)
    assert told.country == "GB"


@pytest.mark.parametrize("limit", [None, {}, {"status": None}, "approved", 7])
def test_without_a_status_there_is_no_limit(limit: Any) -> None:
    assert Reader(STENN).company({**COMPANY, "buyer_limit": limit}).buyer_limit is None


@pytest.mark.parametrize("contacts", [None, 7, "x", [7], {"data": 7}])
def test_misshapen_people_are_left_out(contacts: Any) -> None:
    assert Reader(STENN).company({**COMPANY, "contacts": contacts}).contacts == ()


def test_a_supporting_document_keeps_its_purpose() -> None:
    body, _ = Writer(STENN).document(InvoiceDocument("po", "pdf", b"x", "purchase_order"))
    assert b'name="purpose"' in body
    assert b"purchase_order" in body
