"""Errors, refusals, rate limits and redirects."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

from connector.sandbox.fault_catalogue import Answer, Call, json_answer, proxy_error, request_fault

_TEN_YEARS_SECONDS = 315_360_000

# -- the other side is not well -----------------------------------------------------------------------------------


@request_fault("status_500")
def status_500(call: Call) -> Answer:
    """An error before anything was done; option `status` for another code."""
    return proxy_error(int(call.options.get("status", 500)))


@request_fault("status_500_after_commit")
def status_500_after_commit(call: Call) -> Answer:
    """The thing is done, and an error is answered; option `status` for another code."""
    call.perform()
    return proxy_error(int(call.options.get("status", 500)))


@request_fault("status_502")
def status_502(_call: Call) -> Answer:
    """A gateway got nonsense from behind; nothing was done."""
    return proxy_error(502)


@request_fault("status_503")
def status_503(call: Call) -> Answer:
    """Not now, with Retry-After in seconds (option `retry_after`, default 1); nothing was done."""
    return proxy_error(503, ("Retry-After", str(call.options.get("retry_after", 1))))


@request_fault("status_504_after_commit")
def status_504_after_commit(call: Call) -> Answer:
    """The gateway gave up waiting, and the thing is done."""
    call.perform()
    return proxy_error(504)


@request_fault("status_408")
def status_408(_call: Call) -> Answer:
    """The other side says the request came too slowly; nothing was done."""
    return proxy_error(408)


@request_fault("status_425")
def status_425(_call: Call) -> Answer:
    """Too early: the other side fears a replay; nothing was done."""
    return proxy_error(425)


@request_fault("status_599")
def status_599(_call: Call) -> Answer:
    """An error code that no standard names, as some proxies make up; nothing was done."""
    return proxy_error(599)


# -- it asks us to wait -------------------------------------------------------------------------------------------


@request_fault("rate_limited")
def rate_limited(call: Call) -> Answer:
    """429 with Retry-After in seconds (option `retry_after`, default 1; null leaves the header out)."""
    wait = call.options.get("retry_after", 1)
    return proxy_error(429) if wait is None else proxy_error(429, ("Retry-After", str(wait)))


@request_fault("rate_limited_no_header")
def rate_limited_no_header(_call: Call) -> Answer:
    """429 without a word of how long."""
    return proxy_error(429)


@request_fault("rate_limited_date")
def rate_limited_date(call: Call) -> Answer:
    """429 with Retry-After as an HTTP date, `retry_after` seconds after the Date it says it is (default 1)."""
    return _until(call, call.seconds("retry_after", 1))


@request_fault("rate_limited_past_date")
def rate_limited_past_date(call: Call) -> Answer:
    """429 with Retry-After as an HTTP date an hour ago."""
    return _until(call, -3600)


@request_fault("rate_limited_zero")
def rate_limited_zero(_call: Call) -> Answer:
    """429 with Retry-After: 0."""
    return proxy_error(429, ("Retry-After", "0"))


@request_fault("rate_limited_negative")
def rate_limited_negative(_call: Call) -> Answer:
    """429 with Retry-After: -30, which no standard allows."""
    return proxy_error(429, ("Retry-After", "-30"))


@request_fault("rate_limited_ten_years")
def rate_limited_ten_years(_call: Call) -> Answer:
    """429 with Retry-After of ten years."""
    return proxy_error(429, ("Retry-After", str(_TEN_YEARS_SECONDS)))


@request_fault("rate_limited_nonsense")
def rate_limited_nonsense(_call: Call) -> Answer:
    """429 with Retry-After: soon."""
    return proxy_error(429, ("Retry-After", "soon"))


@request_fault("rate_limited_body_only")
def rate_limited_body_only(_call: Call) -> Answer:
    """429 that says how long in a JSON body alone."""
    return json_answer(429, {"detail": "Request was throttled. Expected available in 2 seconds."})


# -- it says no ---------------------------------------------------------------------------------------------------


@request_fault("bad_request", lie=True)
def bad_request(_call: Call) -> Answer:
    """400 for a request that was right, nothing was done."""
    return json_answer(400, {"detail": "Bad request."})


@request_fault("forbidden")
def forbidden(_call: Call) -> Answer:
    """403, nothing was done; at Finexio that is what wrong credentials get."""
    return json_answer(403, {"detail": "Invalid username/password."})


@request_fault("not_found", lie=True)
def not_found(_call: Call) -> Answer:
    """404 for something that is there."""
    return json_answer(404, {"detail": "Not found."})


@request_fault("method_not_allowed", lie=True)
def method_not_allowed(_call: Call) -> Answer:
    """405 for a method that is offered."""
    return json_answer(405, {"detail": "Method not allowed."}, ("Allow", "HEAD"))


@request_fault("conflict", lie=True)
def conflict(_call: Call) -> Answer:
    """409 though nothing stands against it, nothing was done."""
    return json_answer(409, {"detail": "Conflict."})


@request_fault("gone", lie=True)
def gone(_call: Call) -> Answer:
    """410 for something that is there."""
    return json_answer(410, {"detail": "Gone."})


@request_fault("unprocessable", lie=True)
def unprocessable(_call: Call) -> Answer:
    """422 for a request that was right, nothing was done."""
    return json_answer(422, {"detail": "Unprocessable."})


# -- it sends us elsewhere ----------------------------------------------------------------------------------------


@request_fault("redirect")
def redirect(call: Call) -> Answer:
    """A redirect to another host (options `location`, `status` 307), nothing was done."""
    return _elsewhere(call, int(call.options.get("status", 307)))


@request_fault("redirect_301")
def redirect_301(call: Call) -> Answer:
    """301 to another host, which would turn a POST into a GET; nothing was done."""
    return _elsewhere(call, 301)


@request_fault("redirect_302")
def redirect_302(call: Call) -> Answer:
    """302 to another host, as a login page of a proxy does; nothing was done."""
    return _elsewhere(call, 302)


@request_fault("redirect_303_after_commit")
def redirect_303_after_commit(call: Call) -> Answer:
    """The thing is done, and 303 says where to see it."""
    call.perform()
    return _elsewhere(call, 303)


@request_fault("redirect_308")
def redirect_308(call: Call) -> Answer:
    """308 to another host; nothing was done."""
    return _elsewhere(call, 308)


@request_fault("redirect_loop")
def redirect_loop(call: Call) -> Answer:
    """A redirect to the very address that was asked; nothing was done."""
    return proxy_error(307, ("Location", call.environ.get("PATH_INFO", "/")))


def _elsewhere(call: Call, status: int) -> Answer:
    location = str(call.options.get("location", "http://elsewhere.invalid/"))
    return proxy_error(status, ("Location", location))


def _until(call: Call, seconds: float) -> Answer:
    now = call.clock.now()
    until = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
    return proxy_error(429, ("Date", format_datetime(now, usegmt=True)), ("Retry-After", until))
