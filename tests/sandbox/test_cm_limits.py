"""Campaign Monitor: the ways in which it can answer 429, and how slow an import can be."""

from __future__ import annotations

import time

from cm_api import LIST, Api, person, problem

ANNA, BEN = "anna@example.com", "ben@example.org"
HEADERS = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}


def test_by_default_nothing_is_limited(cm: Api) -> None:
    for _ in range(70):
        response = cm.add(person(ANNA))
        assert response.status_code == 201
        assert not HEADERS & set(response.headers)


class TestPerAddress:
    def test_the_same_address_too_often_is_429_without_headers(self, cm: Api) -> None:
        cm.switch(rate_limit="per_address")
        assert [cm.add(person(ANNA)).status_code for _ in range(3)] == [201] * 3
        response = cm.add(person(ANNA.upper()))
        assert problem(response) == (429, 429)
        assert "too many times too quickly" in response.json()["Message"]
        assert not HEADERS & set(response.headers)
        assert cm.add(person(BEN)).status_code == 201

    def test_updates_count_too_and_imports_do_not(self, cm: Api) -> None:
        cm.switch(rate_limit="per_address", address_throttle_limit=2)
        cm.add(person(ANNA))
        assert cm.put(f"/subscribers/{LIST}.json", person(ANNA), email=ANNA).status_code == 200
        assert problem(cm.put(f"/subscribers/{LIST}.json", person(ANNA), email=ANNA)) == (429, 429)
        assert cm.post_import(person(ANNA)).status_code == 201

    def test_passes_with_time(self, cm: Api) -> None:
        cm.switch(rate_limit="per_address", address_throttle_limit=1, address_throttle_seconds=30)
        assert [cm.add(person(ANNA)).status_code for _ in range(2)] == [201, 429]
        cm.sandbox.advance(31)
        assert cm.add(person(ANNA)).status_code == 201


class TestHeaderBucket:
    def test_counts_down_in_headers_to_429(self, cm: Api) -> None:
        cm.switch(rate_limit="header_bucket", bucket_limit=3, bucket_seconds=348)
        answers = [cm.get("/systemdate.json") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"3"}
        assert 0 < int(answers[3].headers["X-RateLimit-Reset"]) <= 348
        assert "Retry-After" not in answers[3].headers
        assert answers[3].json() == {"Code": 429, "Message": "Rate limit exceeded"}

    def test_tells_how_long_to_wait(self, cm: Api) -> None:
        cm.switch(rate_limit="header_bucket", bucket_limit=1, bucket_seconds=30)
        cm.get("/systemdate.json")
        wait = int(cm.get("/systemdate.json").headers["X-RateLimit-Reset"])
        cm.sandbox.advance(wait)
        assert cm.get("/systemdate.json").status_code == 200

    def test_refuses_before_anything_is_stored(self, cm: Api) -> None:
        cm.switch(rate_limit="header_bucket", bucket_limit=1)
        cm.get("/systemdate.json")
        assert problem(cm.post_import(person(ANNA))) == (429, 429)
        assert cm.members() == []

    def test_is_one_bucket_per_credential(self, cm: Api) -> None:
        cm.switch(rate_limit="header_bucket", bucket_limit=1)
        other = Api(cm.sandbox, key="sandbox-campaign-monitor-other-api-key")
        assert cm.get("/systemdate.json").status_code == 200
        assert other.get("/systemdate.json").status_code == 200
        assert cm.get("/systemdate.json").status_code == 429
        assert problem(Api(cm.sandbox, key="wrong").get("/systemdate.json")) == (401, 100)


def test_an_import_can_be_made_slow_and_others_are_served_meanwhile(cm: Api) -> None:
    cm.switch(import_latency_seconds=0.3)
    started = time.monotonic()
    assert cm.post_import(person(ANNA)).status_code == 201
    assert time.monotonic() - started >= 0.3
