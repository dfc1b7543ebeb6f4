"""Constant Contact: requests per second and per day."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest
from cc_application import LONG_LIVED, OTHER, ROTATING, Application
from cix_sandbox.constant_contact.limits import take_from_second
from cix_sandbox.constant_contact.schema import create_schema
from cix_sandbox.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cix_sandbox.testing import RunningSandbox

_THROTTLED = {"error_key": "throttled", "error_message": "Too Many Requests"}
_QUOTA = {"error_key": "quota_exceeded", "error_message": "Limit Exceeded"}


def test_the_limits_of_the_service_are_on_by_default(sandbox: RunningSandbox) -> None:
    switches = sandbox.control("GET", "/switches")
    values = {
        name: switches[f"constant_contact.{name}"]["value"]
        for name in ("requests_per_second", "requests_per_day", "token_requests_per_second", "queued_activities")
    }
    assert values == {
        "requests_per_second": 4,
        "requests_per_day": 10_000,
        "token_requests_per_second": 1,
        "queued_activities": 1_000,
    }


def test_more_requests_than_a_second_allows_are_throttled(cc: Application) -> None:
    cc.switch(requests_per_second=4)
    answers = [cc.get("/contact_lists") for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert [answer.status_code for answer in answers[:4]] == [200] * 4
    assert refused
    assert all(answer.json() == _THROTTLED for answer in refused)


def test_a_throttled_request_is_not_executed(cc: Application) -> None:
    cc.switch(requests_per_second=1)
    statuses = [cc.post("/contact_lists", {"name": f"List {number}"}).status_code for number in range(5)]
    cc.switch(requests_per_second=0)
    assert 429 in statuses
    assert len(cc.get("/contact_lists").json()["lists"]) == 1 + statuses.count(201)


@pytest.fixture
def take(tmp_path: Path) -> Iterator[Callable[[str, float, float], bool]]:
    """Take a request of somebody out of a bucket of a size at a time."""
    connection = open_store(tmp_path)
    create_schema(connection)
    yield functools.partial(take_from_second, connection)
    connection.close()


def test_time_refills_the_bucket_up_to_one_second(take: Callable[..., bool]) -> None:
    assert [take("a", 4, 100.0) for _ in range(5)] == [True] * 4 + [False]
    assert not take("a", 4, 100.2)
    assert take("a", 4, 100.3)
    assert not take("a", 4, 100.3)
    assert [take("a", 4, 200.0) for _ in range(5)] == [True] * 4 + [False]


def test_each_application_has_its_own_bucket(take: Callable[..., bool]) -> None:
    assert take("a", 1, 100.0)
    assert take("b", 1, 100.0)
    assert not take("a", 1, 100.0)


def test_a_clock_that_goes_back_does_not_close_the_bucket(take: Callable[..., bool]) -> None:
    assert take("a", 1, 1_000_000.0)
    assert not take("a", 1, 10.0)
    assert take("a", 1, 11.0)


def test_a_reset_fills_the_buckets(sandbox: RunningSandbox) -> None:
    for _ in range(3):
        assert Application(sandbox).get("/contacts").status_code == 200
        sandbox.reset()


def test_the_day_is_counted_and_begins_anew_at_midnight_utc(cc: Application) -> None:
    cc.switch(requests_per_day=3)
    assert [cc.get("/contacts").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert cc.get("/contacts").json() == _QUOTA
    now = cc.sandbox.control("GET", "/clock")["now"]
    hours, minutes, seconds = (float(part) for part in now[11:].split("+")[0].split(":"))
    to_midnight = 86_400 - hours * 3_600 - minutes * 60 - seconds
    if to_midnight > 60:
        cc.sandbox.advance(to_midnight - 30)
        assert cc.get("/contacts").status_code == 429
    cc.sandbox.advance(60)
    assert cc.get("/contacts").status_code == 200


def test_the_day_is_shared_by_the_accounts_of_an_application_and_by_no_other_application(cc: Application) -> None:
    cc.switch(requests_per_day=1)
    assert [cc.get("/contacts").status_code for _ in range(2)] == [200, 429]
    for application in (ROTATING, OTHER):
        assert Application(cc.sandbox, application).get("/contacts").status_code == 200


def test_the_day_goes_on_after_a_restart(own_sandbox: RunningSandbox) -> None:
    application = Application(own_sandbox, requests_per_day=2)
    assert [application.get("/contacts").status_code for _ in range(2)] == [200, 200]
    own_sandbox.kill()
    own_sandbox.start_again()
    assert application.get("/contacts").json() == _QUOTA


@pytest.mark.parametrize("application", [ROTATING, LONG_LIVED])
def test_the_token_endpoint_takes_one_request_a_second(sandbox: RunningSandbox, application: object) -> None:
    caller = Application(sandbox, application, token_requests_per_second=1)
    answers = [caller.refresh("nonsense") for _ in range(3)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["errorCode"] == "E0000047"
    sandbox.advance(2)
    assert caller.refresh("nonsense").status_code == 400
