"""Service protection: requests, execution time and concurrency of one user, and 429 by injection."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from cix_sandbox.accounts import ENTRA
from dv_environment import PROFILES, TIMEOUT, Environment, refused

REQUESTS, SECONDS, AT_A_TIME = "0x80072322", "0x80072321", "0x80072326"
BURST, TIME = "x-ms-ratelimit-burst-remaining-xrm-requests", "x-ms-ratelimit-time-remaining-xrm-requests"
WINDOW = 300


def retry_after(response: requests.Response, code: str) -> int:
    refused(response, 429, code)
    return int(response.headers["Retry-After"])


def test_the_limits_are_those_of_the_service(dv: Environment) -> None:
    limits = dv.sandbox.control("GET", "/switches")
    names = ("requests_per_window", "combined_seconds", "concurrent_requests")
    assert [limits[f"dataverse.{name}"]["default"] for name in names] == [6000, 1200, 52]


def test_answers_say_how_much_is_left(dv: Environment) -> None:
    assert [dv.get(PROFILES).headers[BURST] for _ in range(3)] == ["5999", "5998", "5997"]
    assert dv.get(PROFILES).headers[TIME] <= "1,200.00"
    dv.switch(requests_per_window=0, combined_seconds=0)
    assert not {BURST, TIME} & set(dv.get(PROFILES).headers)


class TestRequests:
    def test_beyond_the_limit_wait_until_the_window_has_room(self, dv: Environment) -> None:
        dv.switch(requests_per_window=3)
        assert [dv.get(PROFILES).status_code for _ in range(3)] == [200] * 3
        wait = retry_after(dv.get(PROFILES), REQUESTS)
        assert WINDOW - 10 < wait <= WINDOW
        dv.sandbox.advance(wait + 1)
        assert dv.get(PROFILES).status_code == 200

    def test_while_blocked_make_it_longer(self, dv: Environment) -> None:
        dv.switch(requests_per_window=1)
        dv.get(PROFILES)
        waits = [retry_after(dv.get(PROFILES), REQUESTS) for _ in range(20)]
        assert waits[-1] > WINDOW + 5
        dv.sandbox.advance(WINDOW)
        retry_after(dv.get(PROFILES), REQUESTS)

    def test_of_another_user_count_for_themselves(self, dv: Environment) -> None:
        dv.switch(requests_per_window=1)
        dv.get(PROFILES)
        retry_after(dv.get(PROFILES), REQUESTS)
        identity = requests.get(
            f"{dv.sandbox.authority}/msi/token",
            params={"resource": dv.sandbox.organization},
            headers={"X-IDENTITY-HEADER": ENTRA.identity_header},
            timeout=TIMEOUT,
        )
        dv.token = identity.json()["access_token"]
        assert dv.get(PROFILES).status_code == 200

    def test_that_the_door_turns_away_do_not_count(self, dv: Environment) -> None:
        dv.switch(requests_per_window=2)
        for _ in range(3):
            assert dv.get(PROFILES, headers={"Authorization": "Bearer x"}).status_code == 401
        assert [dv.get(PROFILES).status_code for _ in range(3)] == [200, 200, 429]

    def test_are_counted_again_from_none_after_a_reset(self, dv: Environment) -> None:
        dv.switch(requests_per_window=1)
        dv.get(PROFILES)
        retry_after(dv.get(PROFILES), REQUESTS)
        dv.sandbox.reset()
        dv.token = dv.new_token()
        assert dv.get(PROFILES).status_code == 200


def test_execution_time_beyond_the_limit_is_refused(dv: Environment) -> None:
    dv.switch(work_seconds=0.2, combined_seconds=0.3)
    assert [dv.get(PROFILES).status_code for _ in range(2)] == [200, 200]
    assert retry_after(dv.get(PROFILES), SECONDS) > WINDOW - 10
    dv.sandbox.advance(2 * WINDOW)
    assert dv.get(PROFILES).status_code == 200


def test_too_many_requests_at_a_time_are_refused(dv: Environment) -> None:
    dv.switch(work_seconds=3, concurrent_requests=4)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: dv.get(PROFILES), range(10)))
    codes = [answer.status_code for answer in answers]
    assert codes.count(200) >= 4
    assert codes.count(429) >= 1
    for answer in answers:
        if answer.status_code == 429:
            assert retry_after(answer, AT_A_TIME) >= 1
    dv.switch(work_seconds=0)
    assert dv.get(PROFILES).status_code == 200


@pytest.mark.parametrize(
    ("kind", "code"),
    [("request_limit", REQUESTS), ("execution_time_limit", SECONDS), ("concurrency_limit", AT_A_TIME)],
)
def test_every_kind_of_429_can_be_injected(dv: Environment, kind: str, code: str) -> None:
    dv.sandbox.fault(kind, platform="dataverse", path=PROFILES, count=1, seconds=7)
    assert dv.get("WhoAmI").status_code == 200
    assert retry_after(dv.get(PROFILES), code) == 7
    assert dv.get(PROFILES).status_code == 200


def test_the_common_faults_speak_the_services_words(dv: Environment) -> None:
    dv.sandbox.fault("throttle", platform="dataverse", count=1, headers={"Retry-After": "9"})
    assert retry_after(dv.get(PROFILES), REQUESTS) == 9
    dv.sandbox.fault("status", platform="dataverse", count=1)
    refused(dv.get(PROFILES), 503, "0x80040216")
    dv.sandbox.fault("status", platform="dataverse", count=1, status=401)
    assert (dv.get(PROFILES).status_code, dv.get(PROFILES).status_code) == (401, 200)
    dv.sandbox.fault("status", platform="dataverse", count=1, status=502, body={"gateway": "down"})
    assert dv.get(PROFILES).json() == {"gateway": "down"}
    dv.sandbox.fault("drop_after", platform="dataverse", count=1)
    with pytest.raises(requests.ConnectionError):
        dv.get(PROFILES)
    assert dv.get(PROFILES).status_code == 200


def test_the_log_counts_rows_and_holds_no_value(dv: Environment) -> None:
    ids = dv.fill(3)
    dv.get(PROFILES, {"filter": f"msdynci_customerid eq '{ids[0]}'"})
    entry = dv.sandbox.requests("dataverse")[-1]
    assert (entry["rows"], entry["query"]) == (1, ["$filter"])
    assert ids[0] not in str(entry)
