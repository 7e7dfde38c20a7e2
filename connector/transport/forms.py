"""Bodies of uploads."""

from __future__ import annotations

from collections.abc import Mapping

from urllib3.filepost import encode_multipart_formdata


def multipart(
    texts: Mapping[str, str], files: Mapping[str, tuple[str, bytes, str]]
) -> tuple[bytes, str]:
    """A `multipart/form-data` body (RFC 7578) and its content type.

    `files` holds, by field name, (file name, content, content type).
    """
    return encode_multipart_formdata({**texts, **files})
