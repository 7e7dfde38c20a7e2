"""Tokens that end, are lost, or claim another life than they have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from connector.sandbox.fault_catalogue import Answer, Call, json_answer, request_fault
from connector.sandbox.wire import JsonObject, NotJsonError, from_json, to_json


@request_fault("unauthorized", "access")
def unauthorized(_call: Call) -> Answer:
    """401, nothing was done."""
    return json_answer(
        401, {"message": "The access token has expired.", "exception_key": "sandbox-fault"}
    )


@request_fault("unauthorized_empty", "access")
def unauthorized_empty(_call: Call) -> Answer:
    """401 without a word, nothing was done."""
    return Answer(401, (("Content-Type", "text/plain"),), b"")


@request_fault("logins_end", "access")
def logins_end(call: Call) -> Answer:
    """Every token and session given out ends just before this call, which then gets the platform's own answer."""
    call.end_logins()
    return call.perform()


@request_fault("logins_end_after", "access")
def logins_end_after(call: Call) -> Answer:
    """The true answer, and then every token and session given out ends: the next page of a walk meets it."""
    answer = call.perform()
    call.end_logins()
    return answer


@request_fault("token_answer_lost", "access")
def token_answer_lost(call: Call) -> Answer:
    """Every token given out ends, the thing (a new token) is done, and the answer is lost."""
    call.end_logins()
    call.perform()
    return Answer(0, (), b"", cut_after=0, silent=True)


@request_fault("token_lives_ten_years", "access")
def token_lives_ten_years(call: Call) -> Answer:
    """`expires_in` of a token's answer says ten years; other answers are true."""
    return _claiming(call, lambda _true: 315_360_000)


@request_fault("token_lives_no_second", "access")
def token_lives_no_second(call: Call) -> Answer:
    """`expires_in` of a token's answer says 0; other answers are true."""
    return _claiming(call, lambda _true: 0)


@request_fault("token_life_as_text", "access")
def token_life_as_text(call: Call) -> Answer:
    """`expires_in` of a token's answer is text; other answers are true."""
    return _claiming(call, str)


@request_fault("token_life_missing", "access")
def token_life_missing(call: Call) -> Answer:
    """A token's answer says nothing of its life; other answers are true."""
    return _claiming(call, lambda _true: None)


def _claiming(call: Call, claim: Callable[[object], object]) -> Answer:
    answer = call.perform().plain()
    try:
        body: JsonObject = from_json(answer.body)
    except NotJsonError:
        return answer
    if not isinstance(body, dict) or "expires_in" not in body:
        return answer
    claimed = claim(body.pop("expires_in"))
    return replace(
        answer, body=to_json(body if claimed is None else {**body, "expires_in": claimed})
    )
