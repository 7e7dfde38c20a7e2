"""Tables on a phone: which become cards, and that each cell then knows the name of its column."""

from __future__ import annotations

from markupsafe import Markup

from connector.console.tables import becomes_cards, foldable, labelled
from tests.unit.console.conftest import Reader
from tests.unit.console.page import Page

HEAD = "<thead><tr>{}</tr></thead>"


def head(*names: str, extra: str = "") -> str:
    return HEAD.format("".join(f'<th scope="col">{name}</th>' for name in names) + extra)


def test_only_what_is_too_wide_becomes_cards():
    hidden = '<th scope="col" class="right wide-only">D</th>'

    assert not becomes_cards(head("A", "B", "C"))
    assert not becomes_cards(head("A", "B", "C", extra=hidden))
    assert becomes_cards(head("A", "B", "C", "D"))
    assert not becomes_cards(head("A", "B", "C", "D") + '<tr><th rowspan="2">x</th></tr>')
    assert not becomes_cards("<tbody><tr><td>1</td></tr></tbody>")


def test_each_cell_is_named_by_its_column():
    body = '<tbody><tr><th scope="row">1</th><td class="x">2</td><td>3</td></tr></tbody>'
    found = Page(str(labelled(head("A", "<span>B</span> of", "C") + body)))

    assert [e.attributes for e in found.all("td")] == [
        {"class": "x", "data-label": "B of"},
        {"data-label": "C"},
    ]
    assert [e.text for e in found.all("td")] == ["2", "3"]
    assert not found.crossed


def test_what_is_empty_is_said_so_and_a_box_is_not_empty():
    cells = ("", " <span>–</span> ", '<input type="checkbox">', "0")
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    found = Page(str(labelled(head("A", "B", "C", "D") + f"<tr>{row}</tr>")))

    assert ["data-empty" in e.attributes for e in found.all("td")] == [True, True, False, False]


def test_safe_markup_stays_as_it_is_and_text_stays_text():
    row = Markup("<tr><td>{}</td><td>x</td></tr>").format("<script>")
    told = labelled(f"{head('A &lt;b&gt; &#34;q&#34;', 'B')}{row}")

    assert "<td data-label" in told
    assert "<script>" not in told
    assert Page(str(told)).all("td")[0].attributes["data-label"] == 'A <b> "q"'


def test_pages_have_cards_whose_cells_are_named(page: Reader):
    for address in ("/", "/audit", "/deliveries", "/connections/books", "/settings"):
        shown = page(address)
        tables = [t for t in shown.all("table") if "cards" in (t.attributes.get("class") or "")]
        assert tables, address
        assert any(e.attributes.get("data-label") for e in shown.all("td")), address


def test_long_words_are_broken_before_their_marks() -> None:
    assert foldable("ana@example.com") == "ana<wbr>@example.com"
    assert foldable("amount_cents") == "amount<wbr>_cents"
    assert foldable("company/<b>") == "company<wbr>/&lt;b&gt;"
