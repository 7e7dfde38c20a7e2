"""The adapter on a real Tryton 8.0: documents, notes, the session and the wire."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import zlib

import pytest

from connector.errors import NotFound, ReconnectRequired, Unavailable
from connector.intake import is_echo
from connector.systems.tryton import Tryton
from tests.tryton.reading import Connect, note, sql, walk
from tests.tryton.server import DATABASE, TrytonServer

pytestmark = pytest.mark.tryton


# -- documents and notes ------------------------------------------------------------------------------------------


def test_the_document_is_the_file_that_looks_like_the_invoice(
    tryton_server: TrytonServer, tryton: Tryton, connect: Connect
) -> None:
    first, second, third, fourth = tryton_server.seeded["posted"][:4]
    document = tryton.document(str(first))
    assert document is not None
    assert (document.name, document.file_format) == ("invoice.pdf", "pdf")
    assert document.content.startswith(b"%PDF-1.4")
    scan = tryton.document(str(second))
    assert scan is not None
    assert scan.file_format == "jpg"
    assert tryton.document(str(third)) is None
    assert tryton.document(str(fourth)) is None
    small = connect(tryton_server.base_url, max_document_bytes=10)
    assert small.document(str(first)) is None


def test_a_status_is_a_note_written_once(tryton_server: TrytonServer, tryton: Tryton) -> None:
    source_id = str(tryton_server.seeded["posted"][5])
    before = tryton.fetch("invoices", source_id)
    wanted = note(source_id, "ref_%_1/1")
    assert tryton.find_status(wanted) is None
    written = tryton.write_status(wanted)
    assert written == tryton.find_status(wanted) == tryton.write_status(wanted)
    assert tryton.find_status(note(source_id, "refX%X1/1")) is None
    tryton.write_status(note(source_id, "ref_%_1/10", "repaid"))
    rows = tryton_server.admin().model(
        "ir.note",
        "search_read",
        [["resource", "=", f"account.invoice,{source_id}"]],
        0,
        None,
        None,
        ["message"],
    )
    assert len(rows) == 2
    assert sum("ref_%_1/1]" in row["message"] for row in rows) == 1
    # A note is no change of the invoice, so there is no echo to recognise.
    assert tryton.fetch("invoices", source_id) == before


def test_the_look_up_of_1_does_not_find_10(tryton_server: TrytonServer, tryton: Tryton) -> None:
    source_id = str(tryton_server.seeded["posted"][6])
    tryton.write_status(note(source_id, "abc/10"))
    assert tryton.find_status(note(source_id, "abc/1")) is None


def test_a_field_that_is_written_comes_back_as_our_echo(
    tryton_server: TrytonServer, connect: Connect
) -> None:
    system = connect(tryton_server.base_url, write_fields=["comment", "reference"])
    source_id = str(tryton_server.seeded["posted"][7])
    admin = tryton_server.admin()
    admin.model("account.invoice", "write", [int(source_id)], {"comment": "Call before noon."})
    before = json.loads(system.fetch("invoices", source_id).raw)
    written = system.write_status(note(source_id, "echo/1"))
    after = json.loads(system.fetch("invoices", source_id).raw)
    assert written.fields == {"comment": "Call before noon.\nFinancing status: funded"}
    assert after["reference"] == before["reference"]
    assert after["write_date"] != before["write_date"]
    volatile = next(s for s in system.streams if s.name == "invoices").volatile_fields
    assert is_echo(before, after, written.fields, volatile)
    assert system.find_status(note(source_id, "echo/1")) == written
    # The next status replaces our line and leaves theirs.
    system.write_status(note(source_id, "echo/2", "repaid"))
    last = json.loads(system.fetch("invoices", source_id).raw)
    assert last["comment"] == "Call before noon.\nFinancing status: repaid"


def test_a_write_on_a_changed_invoice_is_refused_by_its_timestamp(
    tryton_server: TrytonServer, tryton: Tryton
) -> None:
    """Trap 8, and trap 6: the refusal comes as HTTP 200."""
    invoice_id = tryton_server.seeded["posted"][8]
    with pytest.raises(Unavailable, match="change made at the same moment"):
        tryton._client.write("account.invoice", invoice_id, {"comment": "x"}, "1.0")
    assert tryton._client.read("account.invoice", [invoice_id], ["comment"])[0]["comment"] is None


@pytest.mark.parametrize("source_id", ["999999", "abc", "", "1,2", "-1"])
def test_an_invoice_that_is_not_there_is_not_found(tryton: Tryton, source_id: str) -> None:
    with pytest.raises(NotFound):
        tryton.fetch("invoices", source_id)


# -- the session and the wire -------------------------------------------------------------------------------------


def test_a_session_the_server_has_ended_is_begun_anew(
    tryton_server: TrytonServer, tryton: Tryton
) -> None:
    source_id = str(tryton_server.seeded["posted"][0])
    tryton.fetch("invoices", source_id)
    sql(tryton_server, "DELETE FROM ir_session WHERE create_uid IN (SELECT id FROM res_user)")
    assert tryton.fetch("invoices", source_id).source_id == source_id
    sql(tryton_server, "DELETE FROM ir_session")
    assert tryton.write_status(note(source_id, "session/1")).remote_id


def test_a_wrong_password_needs_a_person(tryton_server: TrytonServer, connect: Connect) -> None:
    system = connect(tryton_server.base_url, username="nobody", password="not the password")
    with pytest.raises(ReconnectRequired) as raised:
        walk(system)
    assert "not the password" not in str(raised.value)
    assert raised.value.remedy is not None


def test_the_server_still_has_its_gzip_bug(tryton_server: TrytonServer, tryton: Tryton) -> None:
    """Trap 5: without `Accept-Encoding: gzip` a long answer says gzip and is not. The adapter always accepts it."""
    request = urllib.request.Request(
        f"{tryton_server.base_url}/{DATABASE}/rpc/",
        json.dumps(
            {
                "id": 1,
                "method": "model.account.invoice.search_read",
                "params": [[], 0, 50, None, ["number", "state", "reference"], {}],
            }
        ).encode(),
        {**tryton_server.login()._headers, "Accept-Encoding": "identity"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        body = answer.read()
        if answer.headers["Content-Encoding"] == "gzip":
            with pytest.raises(zlib.error):
                zlib.decompress(body, 31)
    assert len(body) > 1400
    assert len(walk(tryton)[0]) >= 100


def test_an_error_looks_different_with_one_more_key(tryton_server: TrytonServer) -> None:
    """Trap 6: why the body has exactly id, method and params."""
    headers = tryton_server.login()._headers
    call = {"id": 1, "method": "model.account.invoice.read", "params": [[999999], ["number"], {}]}
    url = f"{tryton_server.base_url}/{DATABASE}/rpc/"
    request = urllib.request.Request(url, json.dumps(call).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.loads(answer.read())["error"][0] == "UserError"
    request = urllib.request.Request(url, json.dumps({**call, "jsonrpc": "2.0"}).encode(), headers)
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request, timeout=60)
    raised.value.close()
    assert raised.value.code == 400
