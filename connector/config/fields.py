"""marshmallow fields that configuration schemas share, those of the adapters too.

Plain marshmallow fields are fine beside them: the loader itself checks that a value is of the kind its field wants,
and words the refusal.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError, fields, validate

from connector.secrets import Secret

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,39}")
HOW_TO_GIVE_A_SECRET = 'write { env = "NAME" } or { file = "/path" }'
MAX_SECRET_BYTES = 65_536


@dataclass(slots=True)
class SecretSources:
    """Where secrets are read from, and what was noticed while reading them."""

    environ: Mapping[str, str]
    folder: Path
    """Relative paths begin here: the folder of the configuration file."""
    warnings: list[str] = field(default_factory=list)
    given: dict[str, Secret] = field(default_factory=dict)
    """What is to be written to files of secrets, by their name, and is judged before it is."""

    def from_environment(self, name: str) -> Secret:
        """Read a variable. Raises ValidationError when it is not set, or empty."""
        value = self.environ.get(name)
        if value is None:
            near = difflib.get_close_matches(name, list(self.environ), n=1, cutoff=0.8)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ValidationError(f"the environment variable {name} is not set.{hint}")
        if not value.strip():
            raise ValidationError(f"the environment variable {name} is empty.")
        return Secret(value.strip())

    def from_file(self, name: str) -> Secret:
        """Read a file, without the white space around its content. Raises ValidationError."""
        if name in self.given:
            return self.given[name]
        path = self.folder / name
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read(MAX_SECRET_BYTES + 1)
            text = content.decode("utf-8").strip()
        except OSError as error:
            raise ValidationError(
                f"the file {path} cannot be read: {error.strerror or 'unknown reason'}."
            ) from None
        except UnicodeDecodeError:
            raise ValidationError(f"the file {path} is not UTF-8 text.") from None
        if len(content) > MAX_SECRET_BYTES:
            raise ValidationError(f"the file {path} is larger than {MAX_SECRET_BYTES} bytes.")
        if not text:
            raise ValidationError(f"the file {path} is empty.")
        # What the container runtime or the service manager mounts below /run has permissions of its own making.
        if mode & (stat.S_IRWXG | stat.S_IRWXO) and not path.is_relative_to("/run"):
            self.warnings.append(
                f"The secret file {path} can be read by other users of this machine. Run: chmod 600 {path}"
            )
        return Secret(text)


_sources: ContextVar[SecretSources] = ContextVar("secret_sources")


@contextmanager
def secrets_from(sources: SecretSources) -> Iterator[None]:
    """While this lasts, secret fields read from `sources`."""
    token = _sources.set(sources)
    try:
        yield
    finally:
        _sources.reset(token)


def folder_of_paths() -> Path:
    """Where relative paths of the file that is being read begin."""
    sources = _sources.get(None)
    return Path() if sources is None else sources.folder


class SecretField(fields.Field[Secret]):
    """A secret, named and never written: `{ env = "NAME" }` or `{ file = "/path" }`. Loads to a `Secret`."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Secret:
        if isinstance(value, Secret):
            return value
        if isinstance(value, str):
            raise ValidationError(
                "a secret is not written into this file. Put it into an environment variable or a file of its "
                f"own, and {HOW_TO_GIVE_A_SECRET}."
            )
        if not isinstance(value, dict) or len(value) != 1 or set(value) - {"env", "file"}:
            raise ValidationError(f"expected a secret: {HOW_TO_GIVE_A_SECRET}.")
        (source, name) = next(iter(value.items()))
        if not isinstance(name, str) or not name:
            raise ValidationError(f"expected a secret: {HOW_TO_GIVE_A_SECRET}.")
        sources = _sources.get()
        return sources.from_environment(name) if source == "env" else sources.from_file(name)


class StoreUrlField(SecretField):
    """A database URL: plain text where it holds no password, else a secret."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Secret:
        written = isinstance(value, str)
        secret = Secret(value) if written else super()._deserialize(value, *args, **kwargs)
        try:
            parts = urlsplit(secret.reveal())
            password = parts.password
        except ValueError:
            raise ValidationError("expected a database URL.") from None
        if written and password:
            raise ValidationError(
                "this URL holds a password. Put it into an environment variable or a file of its own, and "
                f"{HOW_TO_GIVE_A_SECRET}."
            )
        if parts.scheme == "sqlite":
            return self._sqlite(secret.reveal())
        if parts.scheme not in ("postgres", "postgresql"):
            raise ValidationError(
                "expected a database URL that begins with sqlite:/// or postgresql://."
            )
        return secret

    def _sqlite(self, url: str) -> Secret:
        """The URL with an absolute path, so that it means the same from every working folder."""
        name = url.removeprefix("sqlite:///")
        if name == url or not name or ":memory:" in name or "?" in name:
            raise ValidationError(
                "expected sqlite:/// and the path of a file: what is kept must survive a restart."
            )
        return Secret(f"sqlite:///{_sources.get().folder.absolute() / name}")


class NameField(fields.String):
    """The name of a connection, a financier or a flow."""

    def __init__(self, **kwargs: Any) -> None:
        pattern = validate.Regexp(
            rf"\A{NAME_PATTERN.pattern}\Z",
            error="expected a name of 1 to 40 small letters, digits and _, beginning with a letter.",
        )
        super().__init__(validate=pattern, **kwargs)


class HostNameField(fields.String):
    """A host name or address without scheme and port. Loads in lower case."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, *args, **kwargs)).strip().lower().rstrip(".")
        if (
            not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", text)
            or len(text) > 253
        ):
            raise ValidationError("expected a host name like connector.example.com, nothing more.")
        return text


class WebAddressField(fields.String):
    """An absolute http(s) URL without credentials or fragment. Plain http only to this machine itself.

    Loads without a slash at the end where `is_base` is set.
    """

    def __init__(self, *, is_base: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.is_base = is_base

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, *args, **kwargs))
        try:
            parts = urlsplit(text)
            host, _port = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https") or not text.isascii() or " " in text:
            raise ValidationError("expected a web address like https://host/path.")
        if parts.username is not None or parts.fragment or (self.is_base and parts.query):
            raise ValidationError("expected a web address without user name, query or #fragment.")
        local = host in ("localhost", "::1") or host.startswith("127.")
        if parts.scheme == "http" and not local:
            raise ValidationError("expected https://: plain http is for this machine itself only.")
        return text.rstrip("/") if self.is_base else text
