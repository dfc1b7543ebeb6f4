"""Whichever way the service's unknowns turn out, an export to Campaign Monitor ends the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.quota import Budget
from target_campaign_monitor import connection
from target_campaign_monitor.target import TargetCampaignMonitor
from target_process import people, stream

if TYPE_CHECKING:
    from target_process import Ran, Target

# Every switch of the sandbox that an export can meet, with the values besides its default.
OTHER_WAYS: list[dict[str, Any]] = [
    {},
    {"blank_value": "clear"},
    {"consent_check": "per_row", "missing_consent_code": "-213"},
    {"date_filter": "inclusive"},
    {"delete_inactive": "200"},
    {"delete_inactive": "deleted"},
    {"duplicate_winner": "first"},
    {"gzip": False},
    {"inactive_row_fields": "update"},
    {"invalid_email_message": "live"},
    {"long_value": "ignore"},
    {"non_string_value": "convert"},
    {"rate_limit": "per_address", "address_throttle_limit": 1},
    {"rate_limit": "header_bucket", "bucket_limit": 12, "bucket_seconds": 1},
    {"read_key_brackets": False},
    {"resubscribe_lifts_suppression": False},
    {"resubscribed_counts_as": "new"},
    {"suppressed_first": False},
    {"suppressed_newcomer": "allow"},
    {"unconfirmed_resubscribed": "unconfirmed"},
]
STATES = {"unconfirmed": "Unconfirmed", "unsubscribed": "Unsubscribed", "bounced": "Bounced", "deleted": "Deleted"}
KNOWN = [{"email": f"{name}@example.com", "state": state} for name, state in STATES.items()]
SUPPRESSED = "suppressed@example.com"
LONG = "x" * 300


def profile(number: int, email: str, **values: Any) -> dict[str, Any]:
    return {"CustomerId": f"k{number}", "EMail": email, "FirstName": "Kim", **values}


@pytest.mark.parametrize("way", OTHER_WAYS, ids=lambda way: "-".join(way) or "defaults")
def test_an_export_ends_the_same_whichever_way_an_unknown_turns_out(
    to_campaign_monitor: Target, way: dict[str, Any]
) -> None:
    target = to_campaign_monitor
    switches = {f"campaign_monitor.{name}": value for name, value in way.items()}
    target.sandbox.control("PATCH", "/switches", switches)
    target.sandbox.seed("campaign_monitor", subscribers=KNOWN, suppressed=[{"email": SUPPRESSED}])
    away = [profile(n, each["email"]) for n, each in enumerate([*KNOWN, {"email": SUPPRESSED}])]
    rows = people(6, City=LONG, LoyaltyPoints=7, LastPurchase="2026-10-01")
    emails = [row["EMail"] for row in rows]

    def run(some: list[dict[str, Any]]) -> Ran:
        return target.run(stream([*some, *away]), sync_mode="mirror")

    first = run(rows)
    assert first.code == 0, first.stderr
    assert first.counts == {"received": 11, "created": 6, "suppressed": 5}
    assert target.on_list() == set(emails)
    assert target.members()[emails[0]]["fields"] == {
        "[City]": "x" * 250,
        "[LoyaltyPoints]": "7",
        "[LastPurchase]": "2026-10-01",
    }
    assert target.members()["unsubscribed@example.com"]["state"] == "Unsubscribed"
    assert [code for text in first.summary["warnings"] for code in ("CIX-710",) if code in text] == []

    # Three leave, one of them is suppressed meanwhile, and one of those who stay loses a value.
    second = run([rows[0] | {"City": None}, *rows[1:3]])
    assert second.code == 0, second.stderr
    assert second.counts == {"received": 8, "updated": 1, "unchanged": 2, "suppressed": 5, "removed": 3}
    assert target.on_list() == set(emails[:3])
    assert "[City]" not in target.members()[emails[0]]["fields"]
    target.sandbox.seed("campaign_monitor", suppressed=[{"email": emails[3]}])

    # All come back; whoever is suppressed does not.
    third = run(rows)
    assert third.code == 0, third.stderr
    assert third.counts == {"received": 11, "created": 2, "updated": 1, "unchanged": 2, "suppressed": 6}
    assert target.on_list() == {*emails[:3], *emails[4:]}
    assert target.members()[emails[3]]["state"] == "Deleted"
    assert run(rows).counts == {"received": 11, "unchanged": 5, "suppressed": 6}


@pytest.mark.parametrize("code", [214, -213, 215])
def test_a_consent_that_the_platform_wants_otherwise_stops_the_run_and_names_the_setting(
    to_campaign_monitor: Target, code: int
) -> None:
    target = to_campaign_monitor
    body = {"Code": code, "Message": "Please provide a consent to track value."}
    target.sandbox.fault("status", status=400, body=body, path="import")
    ran = target.run(stream(people(3)))
    assert ran.code == 1
    assert ran.summary["error"]["code"] == "CIX-408"
    assert "`consent_to_track`" in ran.stderr
    assert target.on_list() == set()


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(("code", "error"), [(100, "CIX-402"), (101, "CIX-404"), (122, "CIX-403"), (60, "CIX-405")])
def test_the_code_of_a_refusal_decides_and_not_its_status(
    to_campaign_monitor: Target, status: int, code: int, error: str
) -> None:
    target = to_campaign_monitor
    target.sandbox.fault("status", status=status, body={"Code": code, "Message": "No"}, path="import")
    ran = target.run(stream(people(2)))
    assert ran.code == 1
    assert ran.summary["error"]["code"] == error


def test_an_answer_that_nobody_knows_is_kept_in_the_summary_without_personal_data(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    body = {"Code": 4711, "Message": "Given1 of person00001@example.com is odd", "Name": "Given1"}
    target.sandbox.fault("status", status=422, body=body, path="import", count=1)
    ran = target.run(stream(people(3)))
    assert ran.code == 1
    assert ran.summary["error"]["code"] == "CIX-411"
    assert "HTTP 422" in ran.summary["error"]["message"]
    assert "4711" in ran.summary["error"]["message"]
    assert "Given1" not in ran.summary["error"]["message"]
    again = target.run(stream(people(3)))
    assert again.counts == {"received": 3, "created": 3}


@pytest.mark.parametrize(
    "path", ["systemdate", "/lists/1157c0de1157c0de1157c0de1157c0de.json", "customfields", "clients.json"]
)
@pytest.mark.parametrize("body", ["Please sign in", {"welcome": "anna@example.com"}])
def test_a_page_of_a_proxy_is_no_answer_to_any_look_up(to_campaign_monitor: Target, path: str, body: Any) -> None:
    target = to_campaign_monitor
    target.sandbox.fault("status", status=200, body=body, method="GET", path=path)
    ran = target.run(stream(people(2)))
    assert ran.code == 1
    assert "CIX-411" in ran.stderr
    assert target.on_list() == set()


def test_people_who_fail_for_an_unknown_reason_are_rejected_and_the_reason_is_kept(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    result = {
        "TotalUniqueEmailsSubmitted": 2,
        "TotalExistingSubscribers": 0,
        "TotalNewSubscribers": 1,
        "DuplicateEmailsInSubmission": [],
        "FailureDetails": [{"EmailAddress": "person00002@example.com", "Code": 299, "Message": "No 'Given2' today"}],
    }
    body = {"ResultData": result, "Code": 210, "Message": "Subscriber Import had some failures"}
    target.sandbox.fault("status", status=400, body=body, path="import", count=1)
    ran = target.run(stream(people(2)), max_rejected_ratio=1, read_back_sample=0)
    assert ran.code == 0
    assert ran.counts == {"received": 2, "created": 1, "rejected": 1}
    assert ran.problem_of("person00002@example.com")["code"] == "CIX-411"
    assert ran.summary["unknown_answers"] == {"Import of a row: No <quoted> today (code 299).": 1}


def test_an_address_that_is_written_too_often_is_left_for_the_next_run_and_the_others_go_on(
    to_campaign_monitor: Target,
) -> None:
    target = to_campaign_monitor
    throttled = {"EmailAddress": "person00002@example.com", "Code": 429, "Message": "Too many times too quickly"}
    counts = {"TotalUniqueEmailsSubmitted": 2, "TotalExistingSubscribers": 0, "TotalNewSubscribers": 1}
    body = {"ResultData": {**counts, "FailureDetails": [throttled]}, "Code": 210, "Message": "Some failures"}
    target.sandbox.fault("status", status=400, body=body, path="import", count=1)
    ran = target.run(stream(people(2)), read_back_sample=0)
    assert ran.code == 75
    assert ran.counts == {"received": 2, "created": 1, "deferred": 1}
    assert target.run(stream(people(2))).counts == {"received": 2, "unchanged": 1, "created": 1}


def test_an_import_may_take_the_two_minutes_that_the_vendors_own_clients_give_it(to_campaign_monitor: Target) -> None:
    target = TargetCampaignMonitor(config=to_campaign_monitor.config)
    api, _ = connection.api_of(target.config, target.services)
    assert isinstance(api.limiter, Budget)
    with api.limiter.pace:
        assert api.read_timeout >= 120
