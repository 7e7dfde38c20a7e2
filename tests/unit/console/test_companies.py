"""Suggestions of companies, each with its reason."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connector.financier import RemoteCompany
from connector.store.companies import CounterpartyRow
from connector.views.suggestions import MOST, Suggesting, plain_name, plain_tax_id
from tests.unit.console.conftest import Reader


def row(name: str, *, tax_id: str | None = None, country: str | None = "US") -> CounterpartyRow:
    return CounterpartyRow("books", "p-1", name, "supplier", country, tax_id, None, {}, 1)


COMPANIES = [
    RemoteCompany("c-1", "Alder Steel, Inc.", "US"),
    RemoteCompany("c-2", "Alder Steal Ltd", "GB"),
    RemoteCompany("c-3", "Harbour Foods", None),
    RemoteCompany("c-4", "Zulu Trading", "US"),
]


def test_the_same_tax_id_goes_before_any_name():
    known = {"us123": ("c-4", "Zulu of the other books")}
    found = Suggesting(COMPANIES, known).of(row("Alder Steel", tax_id="US-12 3"))

    assert [each.company_id for each in found] == ["c-4", "c-1", "c-2"]
    assert found[0].is_sure
    assert found[0].reason == "same tax id as Zulu of the other books, which is linked to it"
    assert found[1].reason == "same name, same country"
    assert found[2].reason.startswith("name 9")
    assert found[2].reason.endswith("but in GB, not US")


def test_a_tax_id_whose_company_is_gone_suggests_nothing():
    assert not Suggesting(COMPANIES, {"1": ("c-9", "x")}).of(row("Unlike anything", tax_id="1"))


def test_legal_forms_and_punctuation_do_not_count():
    assert plain_name("ALDER  Steel G.m.b.H.") == plain_name("Alder-Steel Inc")
    assert plain_name("Ltd") == "ltd"
    assert plain_tax_id(" - ") is None


@given(st.text(max_size=40))
def test_any_name_gives_at_most_a_few(name: str):
    found = Suggesting(COMPANIES, {}).of(row(name))

    assert len(found) <= MOST
    assert len({each.company_id for each in found}) == len(found)


def test_the_page_lists_and_finds(page: Reader):
    shown = page("/companies")
    assert shown.rows()
    assert "no other waits for them" in shown.text
    assert "no invoice waits for a link or a limit" in shown.text
    assert "No company is like that" in page("/companies?q=nothing-of-the-name").text
    assert page("/companies?after=9999999").text
