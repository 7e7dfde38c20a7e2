"""Books keep their name once invoices of them were sent: under another name each would be financed twice."""

from __future__ import annotations

import pytest

from connector.bootstrap import Program, read_config
from connector.errors import ConfigError
from connector.store.connection_books import ConnectionBooks
from tests.flows.stage import Stage


def _rename(stage: Stage, *, base_url: str | None = None) -> None:
    """Give the connection another name in the file, and start the program of it."""
    stage.stop()
    path = stage.config_path
    text = path.read_text("utf-8")
    text = text.replace("[connections.books]", "[connections.ledger]")
    text = text.replace('connection = "books"', 'connection = "ledger"')
    if base_url is not None:
        text = text.replace(stage.source_url, base_url)
    path.write_text(text, "utf-8")
    Program(read_config(path, {}), clock=stage.clock).database.close()


def test_a_new_name_of_books_that_were_sent_is_refused_whatever_is_asked(stage: Stage) -> None:
    stage.add()
    stage.pull()
    stage.submit()
    assert stage.financing().remote_invoice_id is not None
    with pytest.raises(
        ConfigError, match=r"\[connections.ledger\] reads the books .* as books before"
    ) as refused:
        _rename(stage)
    assert "once more" in str(refused.value)
    assert "Name the connection books again" in str(refused.value.remedy)


def test_the_former_name_goes_on(stage: Stage) -> None:
    stage.add()
    stage.pull()
    stage.submit()
    before = stage.config_path.read_text("utf-8")
    with pytest.raises(ConfigError):
        _rename(stage)
    stage.config_path.write_text(before, "utf-8")
    stage.start()
    stage.pull(full_walk=True)
    assert len(stage.ledger.select("invoice")) == 1
    assert stage.violations() == []


def test_books_of_which_nothing_was_sent_may_be_named_anew(stage: Stage) -> None:
    stage.add()
    stage.pull()
    _rename(stage)


def test_a_name_of_old_is_refused_like_a_new_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.add()
    stage.pull()
    before = stage.config_path.read_text("utf-8")
    _rename(stage)  # nothing was sent yet
    monkeypatch.setattr(ConnectionBooks, "has_sent", lambda _, name: name == "ledger")
    stage.config_path.write_text(before, "utf-8")
    with pytest.raises(ConfigError, match="as ledger before"):
        Program(read_config(stage.config_path, {}), clock=stage.clock).database.close()


def test_other_books_may_have_another_name(stage: Stage) -> None:
    stage.add()
    stage.pull()
    stage.submit()
    _rename(stage, base_url=stage.source_url.replace("127.0.0.1", "localhost"))


def test_a_name_may_come_to_other_books(stage: Stage) -> None:
    """Whoever goes from a sandbox to the real thing keeps the name."""
    stage.add()
    stage.pull()
    stage.submit()
    here = stage.source_url
    there = here.replace("127.0.0.1", "localhost")
    stage.reconfigure(here, there)
    stage.reconfigure(there, here)
    with stage.read() as tx:
        rows = tx.connection.exec_driver_sql("select connection from connection_books").all()
    assert rows == [("books",), ("books",)]
