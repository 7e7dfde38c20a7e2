"""Secrets in memory and at rest."""

from __future__ import annotations

import base64
import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import ConfigError, InvariantBroken
from connector.secrets import Secret, SecretBox, new_key

OLD, NEW = new_key(), new_key()


def test_a_secret_is_masked_wherever_text_is_made_of_it() -> None:
    secret = Secret("hunter22")
    for text in (
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret:>20}",
        f"{[secret]}",
        " ".join(map(str, [secret])),
    ):
        assert "hunter22" not in text
    assert secret.reveal() == "hunter22"
    assert copy.deepcopy([secret])[0] is secret
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)


@given(st.binary(max_size=300))
def test_what_is_sealed_comes_back(content: bytes) -> None:
    box = SecretBox([NEW, OLD])
    sealed = box.encrypt(content)
    assert box.decrypt(sealed) == content
    assert box.encrypt(content) != sealed
    assert len(content) < 8 or content not in sealed


def test_rotation_keeps_what_was_sealed_before() -> None:
    sealed = SecretBox([OLD]).encrypt(b"DE89 3704")
    both = SecretBox([NEW, OLD])
    assert both.decrypt(sealed) == b"DE89 3704"
    renewed = both.rotate(sealed)
    assert SecretBox([NEW]).decrypt(renewed) == b"DE89 3704"
    with pytest.raises(ConfigError, match="present encryption keys"):
        SecretBox([NEW]).decrypt(sealed)


def test_a_new_key_in_front_leaves_content_hashes_as_they_are() -> None:
    content = b'{"account_number": "1234"}'
    before = SecretBox([OLD]).content_hash(content)
    assert SecretBox([NEW, OLD]).content_hash(content) == before
    assert SecretBox([NEW]).content_hash(content) != before
    assert len(before) == 16


@given(st.data())
def test_an_altered_byte_is_noticed(data: st.DataObject) -> None:
    box = SecretBox([NEW])
    sealed = bytearray(box.encrypt(b"DE89 3704"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises((ConfigError, InvariantBroken)):
        box.decrypt(bytes(sealed))


@given(st.binary(max_size=40))
def test_anything_else_is_refused_in_our_own_words(sealed: bytes) -> None:
    with pytest.raises((ConfigError, InvariantBroken)):
        SecretBox([NEW]).decrypt(sealed)


@pytest.mark.parametrize(
    "keys",
    [[], [""], ["short"], [base64.urlsafe_b64encode(b"x" * 31).decode()], ["é" * 44], [NEW, "x"]],
)
def test_a_bad_key_is_refused_without_repeating_it(keys: list[str]) -> None:
    with pytest.raises(ConfigError, match="connector init") as refusal:
        SecretBox(keys)
    assert all(not key or key not in str(refusal.value) for key in keys if len(key) > 1)


def test_keys_stand_on_a_line_each() -> None:
    sealed = SecretBox([OLD]).encrypt(b"x")
    assert SecretBox.from_secret(Secret(f"{NEW}\n{OLD}\n")).decrypt(sealed) == b"x"
