"""Answers whose body is not what was promised."""

from __future__ import annotations

import gzip
from dataclasses import replace
from functools import lru_cache

from connector.sandbox.fault_catalogue import Answer, Call, proxy_error, request_fault

_MEBIBYTE = 1024 * 1024
_JSON = (("Content-Type", "application/json"),)


@request_fault("truncated_json", "body")
def truncated_json(call: Call) -> Answer:
    """The thing is done; the answer is well-formed HTTP whose JSON ends in the middle."""
    answer = call.perform()
    return replace(answer, body=answer.body[: len(answer.body) // 2])


@request_fault("truncated_gzip", "body")
def truncated_gzip(call: Call) -> Answer:
    """The thing is done; the answer is compressed, and its compressed form ends in the middle."""
    answer = call.perform().plain()
    packed = gzip.compress(answer.body, 1, mtime=0)
    return replace(_gzipped(answer), body=packed[: len(packed) // 2])


@request_fault("not_gzip", "body")
def not_gzip(call: Call) -> Answer:
    """The thing is done; the answer says that it is compressed, and is not."""
    return _gzipped(call.perform().plain())


@request_fault("gzip_bomb", "body")
def gzip_bomb(call: Call) -> Answer:
    """The thing is done; a small compressed answer unpacks to `mebibytes` (default 64) of zeros."""
    answer = call.perform().plain()
    return replace(_gzipped(answer), body=_bomb(int(call.options.get("mebibytes", 64))))


@request_fault("huge_body", "body")
def huge_body(call: Call) -> Answer:
    """The thing is done; the answer is `mebibytes` (default 40) long."""
    answer = call.perform().plain()
    return replace(answer, body=b" " * (int(call.options.get("mebibytes", 40)) * _MEBIBYTE))


@request_fault("html_200", "body")
def html_200(_call: Call) -> Answer:
    """A maintenance page with status 200, nothing was done."""
    return replace(proxy_error(503), status=200)


@request_fault("html_200_after_commit", "body")
def html_200_after_commit(call: Call) -> Answer:
    """The thing is done, and a maintenance page comes with status 200."""
    call.perform()
    return replace(proxy_error(503), status=200)


@request_fault("empty_200", "body")
def empty_200(call: Call) -> Answer:
    """The thing is done; 200 with an empty body."""
    return replace(call.perform().plain(), status=200, body=b"")


@request_fault("no_content", "body")
def no_content(call: Call) -> Answer:
    """The thing is done; 204 without a body."""
    return replace(call.perform().plain(), status=204, body=b"")


@request_fault("accepted", "body")
def accepted(call: Call) -> Answer:
    """The thing is done; 202 says only that it will be."""
    return replace(call.perform().plain(), status=202, body=b"{}")


@request_fault("error_in_200", "body")
def error_in_200(_call: Call) -> Answer:
    """Status 200 with an error as its body; nothing was done."""
    return Answer(200, _JSON, b'{"error": {"code": 500, "message": "Internal error."}}')


@request_fault("empty_object", "body")
def empty_object(call: Call) -> Answer:
    """The thing is done; the body is an object without anything in it."""
    return _instead(call, b"{}")


@request_fault("a_list", "body")
def a_list(call: Call) -> Answer:
    """The thing is done; the body is a list, where an object was promised."""
    return _instead(call, b"[]")


@request_fault("a_number", "body")
def a_number(call: Call) -> Answer:
    """The thing is done; the body is a bare number."""
    return _instead(call, b"42")


@request_fault("null_body", "body")
def null_body(call: Call) -> Answer:
    """The thing is done; the body is null."""
    return _instead(call, b"null")


@request_fault("deep_json", "body")
def deep_json(call: Call) -> Answer:
    """The thing is done; the body is nested 100,000 levels deep."""
    return _instead(call, b"[" * 100_000 + b"]" * 100_000)


@request_fault("two_json_values", "body")
def two_json_values(call: Call) -> Answer:
    """The thing is done; after the right body there is more."""
    answer = call.perform().plain()
    return replace(answer, body=answer.body + b'{"more": true}')


@request_fault("not_a_number", "body")
def not_a_number(call: Call) -> Answer:
    """The thing is done; the body holds NaN, which JSON does not have."""
    answer = call.perform().plain()
    return replace(answer, body=answer.body.replace(b":", b":NaN,", 1))


@request_fault("wrong_charset", "body")
def wrong_charset(call: Call) -> Answer:
    """The thing is done; the body holds bytes that are no UTF-8."""
    answer = call.perform().plain()
    return replace(answer, body=answer.body.replace(b'":', b'\xe9":', 1))


@request_fault("wrong_content_type", "body")
def wrong_content_type(call: Call) -> Answer:
    """The true answer, which calls itself text/plain."""
    return call.perform().with_headers(content_type="text/plain")


@request_fault("huge_header", "body")
def huge_header(call: Call) -> Answer:
    """The thing is done; a header of the answer is 70 kB long."""
    return call.perform().with_headers(x_sandbox_filler="x" * 70_000)


@request_fault("many_headers", "body")
def many_headers(call: Call) -> Answer:
    """The thing is done; the answer has 300 headers more."""
    return call.perform().with_headers(**{f"x_sandbox_{n}": "x" for n in range(300)})


def _gzipped(answer: Answer) -> Answer:
    return answer.with_headers(content_encoding="gzip")


def _instead(call: Call, body: bytes) -> Answer:
    """The thing is done, and this JSON is answered in place of the true one."""
    status = call.perform().status
    return Answer(status if status < 300 else 200, _JSON, body)


@lru_cache(maxsize=2)
def _bomb(mebibytes: int) -> bytes:
    return gzip.compress(bytes(mebibytes * _MEBIBYTE), 1, mtime=0)
