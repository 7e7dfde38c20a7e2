"""The support table of docs/systems.md says the truth about how each capability is proven."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from connector.proof import Proof, financier_support, system_support
from connector.registry import financiers, systems

ROOT = Path(__file__).resolve().parent.parent
PROVEN = """\
- **real server**: the vendor's own program is run by the tests, and read and written as in production.
- **vendor OpenAPI**: our sandbox of the platform; every request is checked against the vendor's OpenAPI document, names of
  query parameters too, and so are the sandbox's answers in its own tests.
- **documents only**: our sandbox of the platform, made from the vendor's documents. Where they are silent it says what it
  chose; see [The sandbox](sandbox.md).
- **not offered**: the platform offers no documented way.

No vendor's hosted service was called."""


EVIDENCE = {
    (
        "tryton",
        "payables",
    ): "tests/tryton/test_real_server.py::test_the_whole_walk_equals_the_database",
    (
        "tryton",
        "receivables",
    ): "tests/tryton/test_real_server.py::test_the_whole_walk_equals_the_database",
    (
        "tryton",
        "incremental",
    ): "tests/tryton/test_real_server.py::test_a_change_is_found_and_is_one_new_version",
    (
        "tryton",
        "attachments",
    ): "tests/tryton/test_real_writing.py::test_the_document_is_the_file_that_looks_like_the_invoice",
    (
        "tryton",
        "write_back",
    ): "tests/tryton/test_real_writing.py::test_a_status_is_a_note_written_once",
}
"""For each cell of the support table that names a real server, the test that runs one."""


def support() -> Iterator[tuple[str, Path, str, Proof]]:
    """(adapter, its conformance harness, capability, proof) of every cell of the support table."""
    harness = ROOT / "tests" / "conformance"
    for name, system in systems().items():
        for key, proof in system_support(system).items():
            yield name, harness / f"harness_{name}.py", key, proof
    for name, financier in financiers().items():
        own = harness / f"harness_financier_{name}.py"
        path = own if own.exists() else harness / f"harness_{name}.py"
        for key, proof in financier_support(financier).items():
            yield name, path, key, proof


def test_every_proof_is_there() -> None:
    """Each cell of the support table is held by a suite that exists and does what the word says."""
    real = {(name, key) for name, _, key, proof in support() if proof is Proof.REAL_SERVER}
    assert real == EVIDENCE.keys()
    for where in EVIDENCE.values():
        path, _, test = where.partition("::")
        assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), where
    for name, harness, key, proof in support():
        assert proof is not Proof.NOT_STATED, (name, key)
        if proof is not Proof.NOT_OFFERED:
            text = harness.read_text(encoding="utf-8")
            checks = "from tests.monite_contract import" in text and "with checked(sandbox" in text
            assert checks or proof is not Proof.VENDOR_OPENAPI, (name, key)


def test_an_adapter_that_declares_no_proof_is_not_taken_for_a_proven_one() -> None:
    class Undeclared:
        steps = ("invoice",)

    told = financier_support(Undeclared)
    assert told["submit"] is Proof.NOT_STATED
    assert told["buyer_limits"] is Proof.NOT_OFFERED
