"""What goes wrong between us and a platform is ridden out, and the end state is exact whatever was sent twice."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from target_process import people, stream

if TYPE_CHECKING:
    from target_process import Target

QUOTA = {"error_key": "quota_exceeded", "error_message": "Limit Exceeded"}


def test_throttles_faults_and_cut_connections_leave_no_trace_in_the_end_state(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    rows = people(3500)
    imports = {"platform": "campaign_monitor", "path": "import", "count": 1}
    target.sandbox.fault("throttle", **imports)
    target.sandbox.fault("status", status=500, skip=1, **imports)
    target.sandbox.fault("drop_before", skip=2, **imports)
    target.sandbox.fault("drop_after", skip=3, **imports)
    target.sandbox.fault("status", status=504, platform="campaign_monitor", path="systemdate", count=1)

    ran = target.run(stream(rows))

    assert ran.code == 0
    struck = sorted(kind for each in target.imports() for kind in each["faults"])
    assert struck == ["drop_after", "drop_before", "status", "throttle"]
    assert ran.summary["retries"] == 5
    assert ran.counts["created"] + ran.counts.get("updated", 0) == 3500
    assert target.on_list() == {row["EMail"] for row in rows}
    target.forget_requests()
    assert target.run(stream(rows)).counts == {"received": 3500, "unchanged": 3500}
    assert target.writes() == []


def test_constant_contact_is_ridden_out_likewise_on_every_call_of_an_export(to_constant_contact: Target) -> None:
    target = to_constant_contact
    fault = target.sandbox.fault
    fault("status", status=503, path="/token", count=1)
    fault("throttle", path="account/summary", count=1)
    fault("drop_before", path="contacts_json_import", count=1)
    fault("drop_after", path="contacts_json_import", skip=1, count=1)
    fault("status", status=502, method="GET", path="/activities", count=1)

    ran = target.run(stream(people(5)))

    assert ran.code == 0
    assert ran.counts == {"received": 5, "created": 5}
    assert target.on_list() == {row["EMail"] for row in people(5)}
    assert len(target.imports()) == 2, "an import that was accepted without an answer was sent again"
    assert ran.summary["retries"] == 4


def test_a_wait_that_the_platform_asks_for_is_kept(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    longer_than_any_first_wait_of_our_own = 2
    headers = {"X-RateLimit-Reset": str(longer_than_any_first_wait_of_our_own)}
    target.sandbox.fault("throttle", path="import", headers=headers, count=1)
    ran = target.run(stream(people(2)))
    assert ran.counts == {"received": 2, "created": 2}
    refused, taken = target.imports()
    assert (refused["status"], taken["status"]) == (429, 201)
    waited = datetime.fromisoformat(taken["time"]) - datetime.fromisoformat(refused["time"])
    assert waited.total_seconds() >= longer_than_any_first_wait_of_our_own


def test_a_platform_that_goes_on_failing_fails_the_rows_it_did_not_confirm_and_a_later_run_sends_them(
    target: Target,
) -> None:
    target.sandbox.fault("status", status=503, path="import")
    ran = target.run(stream(people(5)), max_attempts=2)
    assert ran.code == 1
    assert "CIX-401" in ran.stderr
    assert ran.counts == {"received": 5, "failed": 5}
    assert {line["code"] for line in ran.rejected} == {"CIX-707"}
    assert ran.stdout == ""

    target.sandbox.control("DELETE", "/faults")
    later = target.run(stream(people(5)))
    assert later.counts == {"received": 5, "created": 5}
    assert len(target.on_list()) == 5


def test_a_throttle_without_end_leaves_the_rows_for_later(target: Target) -> None:
    target.sandbox.fault("throttle", path="import")
    ran = target.run(stream(people(3)), max_attempts=2)
    assert ran.code != 0
    assert "CIX-407" in ran.stderr
    assert ran.counts == {"received": 3, "deferred": 3}
    target.sandbox.control("DELETE", "/faults")
    assert target.run(stream(people(3))).counts == {"received": 3, "created": 3}


def test_a_spent_quota_is_not_asked_again_and_ends_with_the_exit_code_for_later(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.sandbox.fault("throttle", path="contacts_json_import", body=QUOTA)
    ran = target.run(stream(people(3)))
    assert ran.code == 75
    assert "CIX-406" in ran.stderr
    assert ran.summary["status"] == "incomplete"
    assert ran.counts == {"received": 3, "deferred": 3}
    assert {line["code"] for line in ran.rejected} == {"CIX-406"}
    assert len(target.imports()) == 1

    target.sandbox.control("DELETE", "/faults")
    assert target.run(stream(people(3))).counts == {"received": 3, "created": 3}


def test_the_quota_of_the_day_is_the_platforms_own_too(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.sandbox.switch("constant_contact.requests_per_day", 2)
    ran = target.run(stream(people(3)))
    assert ran.code == 75
    assert ran.summary["status"] == "incomplete"
    target.sandbox.advance(86_400)
    target.sandbox.switch("constant_contact.requests_per_day", 100)
    assert target.run(stream(people(3))).counts == {"received": 3, "created": 3}


def test_a_batch_that_is_refused_whole_is_halved_and_nobody_is_lost(target: Target) -> None:
    body: object = [{"error_key": "contacts.api.validation.error", "error_message": "x"}]
    if target.is_campaign_monitor:
        body = {"Code": 400, "Message": "Failed to deserialize your request."}
    target.sandbox.fault("status", status=400, body=body, path="import", count=1)
    ran = target.run(stream(people(5)))
    assert ran.code == 0
    assert ran.counts == {"received": 5, "created": 5}
    assert sorted(each["rows"] or 0 for each in target.imports() if each["status"] == 201) == [2, 3]
    assert target.on_list() == {row["EMail"] for row in people(5)}


def test_a_row_for_which_every_batch_is_refused_is_rejected_alone(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    body = {"Code": 400, "Message": "Failed to deserialize your request."}
    # The whole batch, and whichever half comes first.
    target.sandbox.fault("status", status=400, body=body, path="import", count=2)
    ran = target.run(stream(people(2)), max_rejected_ratio=1)
    assert ran.code == 0
    assert ran.counts == {"received": 2, "rejected": 1, "created": 1}
    assert target.on_list().isdisjoint({line["email"] for line in ran.rejected})
    assert len(target.on_list()) == ran.counts["created"]
