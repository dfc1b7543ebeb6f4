"""An export from messages to members: what is sent, when, and what is said of it."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import pytest
from cix_sandbox import accounts
from processes import run_executable
from target_process import Target, data, nonzero, people, stream

if TYPE_CHECKING:
    from pathlib import Path

CAMPAIGN_MONITOR_MEMBERS = [
    {
        "email": "anna@example.com",
        "state": "Active",
        "name": "Anna Ærø",
        "consent_to_track": "Yes",
        "fields": {"[City]": "Århus", "[LoyaltyPoints]": "120", "[LastPurchase]": "2026-10-01"},
    },
    {
        "email": "Bao.Nguyen@Example.org",
        "state": "Active",
        "name": "Bảo Nguyễn",
        "consent_to_track": "Yes",
        "fields": {"[City]": "Đà Nẵng", "[LoyaltyPoints]": "75", "[LastPurchase]": "2026-09-15"},
    },
    {
        "email": "chidi+news@example.net",
        "state": "Active",
        "name": "Chidi O'Brien",
        "consent_to_track": "Yes",
        "fields": {"[LoyaltyPoints]": "0"},
    },
    {
        "email": "dana@example.com",
        "state": "Active",
        "name": "דנה לוי",
        "consent_to_track": "Yes",
        "fields": {"[City]": "תל אביב", "[LastPurchase]": "2025-12-31"},
    },
    {
        "email": "emi@mail.example.com",
        "state": "Active",
        "name": "恵美 佐藤",
        "consent_to_track": "Yes",
        "fields": {"[City]": "東京", "[LoyaltyPoints]": "4000", "[LastPurchase]": "2026-11-20"},
    },
]
CONSTANT_CONTACT_MEMBERS = [
    {
        "email": "anna@example.com",
        "state": "implicit",
        "first_name": "Anna",
        "last_name": "Ærø",
        "fields": {"city": "Århus", "loyalty_points": "120", "last_purchase": "2026-10-01"},
    },
    {
        "email": "bao.nguyen@example.org",
        "state": "implicit",
        "first_name": "Bảo",
        "last_name": "Nguyễn",
        "fields": {"city": "Đà Nẵng", "loyalty_points": "75", "last_purchase": "2026-09-15"},
    },
    {
        "email": "chidi+news@example.net",
        "state": "implicit",
        "first_name": "Chidi",
        "last_name": "O'Brien",
        "fields": {"loyalty_points": "0"},
    },
    {
        "email": "dana@example.com",
        "state": "implicit",
        "first_name": "דנה",
        "last_name": "לוי",
        "fields": {"city": "תל אביב", "last_purchase": "2025-12-31"},
    },
    {
        "email": "emi@mail.example.com",
        "state": "implicit",
        "first_name": "恵美",
        "last_name": "佐藤",
        "fields": {"city": "東京", "loyalty_points": "4000", "last_purchase": "2026-11-20"},
    },
]
MEMBERS: dict[str, list[dict[str, Any]]] = {
    "campaign_monitor": CAMPAIGN_MONITOR_MEMBERS,
    "constant_contact": CONSTANT_CONTACT_MEMBERS,
}
SECOND_LIST = {
    "campaign_monitor": "2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d",
    "constant_contact": "2d2d2d2d-0000-4000-8000-000000000002",
}


def make_second_list(target: Target) -> str:
    list_id = SECOND_LIST[target.platform]
    if target.is_campaign_monitor:
        fields = [
            {"name": "City"},
            {"name": "Loyalty Points", "type": "Number"},
            {"name": "Last Purchase", "type": "Date"},
        ]
        lists = [{"title": "Second", "list_id": list_id}]
        target.sandbox.seed(target.platform, lists=lists, list_id=list_id, custom_fields=fields)
    else:
        target.sandbox.seed(target.platform, lists=[{"name": "Second", "list_id": list_id}])
    return list_id


def digests(folder: Path) -> dict[str, str]:
    """What stands in the files of an export; which requests were sent when, and who holds a lock, is no state."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    kept = [path for path in files if not re.search(r"config\.json|budget-|\.locks?\b", str(path.relative_to(folder)))]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def test_a_segment_lands_on_its_list_field_by_field_and_only_changes_are_sent_after_that(target: Target) -> None:
    target.runner = run_executable
    first = target.run(data("newsletter"), display_name="Readers of the newsletter")
    assert first.code == 0
    assert first.counts == {"received": 5, "created": 5}
    assert first.summary["status"] == "succeeded"
    assert first.summary["target"] == target.name
    assert first.summary["display_name"] == "Readers of the newsletter"
    assert first.summary["run_id"] == first.folder.name
    assert first.rejected == []
    assert first.states == [{"bookmarks": {"Newsletter": {"run": 1}}}]
    assert list(target.members().values()) == MEMBERS[target.platform]
    assert target.rows_sent() == [5]

    target.forget_requests()
    second = target.run(data("newsletter"))
    assert second.counts == {"received": 5, "unchanged": 5}
    assert target.writes() == []

    third = target.run(data("newsletter-anna-moved"))
    assert third.counts == {"received": 5, "unchanged": 4, "updated": 1}
    assert third.states == [{"bookmarks": {"Newsletter": {"run": 2}}}]
    assert target.rows_sent() == [1]
    city, points = ("[City]", "[LoyaltyPoints]") if target.is_campaign_monitor else ("city", "loyalty_points")
    anna = target.members()["anna@example.com"]["fields"]
    assert (anna[city], anna[points]) == ("Ribe", "130")
    others = [member for member in target.members().values() if member["email"] != "anna@example.com"]
    assert others == MEMBERS[target.platform][1:]


def test_requests_retries_and_bytes_of_a_run_are_those_that_the_platform_saw(target: Target) -> None:
    ran = target.run(data("newsletter"))
    logged = target.sandbox.requests(target.platform)
    assert ran.summary["requests"] == len(logged)
    assert ran.summary["bytes"] == sum(each["bytes_in"] for each in logged)
    assert ran.summary["retries"] == 0


def test_a_row_without_a_usable_address_and_an_earlier_row_of_one_address_are_named_with_a_reason(
    target: Target,
) -> None:
    ran = target.run(data("newsletter-doubtful"), max_rejected_ratio=0.5)
    assert ran.code == 0
    assert ran.counts == {"received": 4, "invalid": 2, "duplicate": 1, "created": 1}
    told = [(each["row_key"], each["email"], each["outcome"], each["code"]) for each in ran.rejected]
    assert sorted(told) == [
        ("c1", "anna@example.com", "duplicate", "CIX-703"),
        ("c6", "", "invalid", "CIX-701"),
        ("c7", "gustavo(at)example.com", "invalid", "CIX-702"),
    ]
    assert all(each["reason"] and each["what_to_do"] and each["segment"] == "Newsletter" for each in ran.rejected)
    [anna] = target.members().values()
    assert "Later" in (anna["name"] if target.is_campaign_monitor else anna["last_name"])


def test_too_many_unusable_rows_fail_the_run_after_the_good_ones_were_sent(target: Target) -> None:
    ran = target.run(data("newsletter-doubtful"))
    assert ran.code == 1
    assert "CIX-503" in ran.stderr
    assert ran.counts == {"received": 4, "invalid": 2, "duplicate": 1, "created": 1}
    assert len(target.on_list()) == 1


def test_an_empty_stream_sends_nothing_and_is_a_success(target: Target) -> None:
    ran = target.run(data("newsletter-empty"))
    assert ran.code == 0
    assert ran.counts == {}
    assert ran.states == [{"bookmarks": {"Newsletter": {"run": 3}}}]
    assert target.writes() == []


def test_an_empty_segment_takes_nobody_off_the_list(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    target.run(data("newsletter"))
    target.forget_requests()
    target.run(data("newsletter-empty"))
    assert target.writes() == []
    assert len(target.on_list()) == 5


def test_no_input_at_all_is_an_error_since_a_tap_that_did_not_run_looks_like_that(target: Target) -> None:
    ran = target.run("")
    assert ran.code == 1
    assert "CIX-304" in ran.stderr
    assert target.writes() == []


def test_segments_go_to_the_lists_that_are_named_for_them_and_each_list_has_its_own_counts(target: Target) -> None:
    first, second = target.list_id, make_second_list(target)
    ran = target.run(data("two-segments"), list_id=None, lists={"Newsletter": [first, second], "Buyers": second})
    assert ran.code == 0
    assert nonzero(ran.summary["lists"][first]) == {"received": 3, "created": 3}
    assert nonzero(ran.summary["lists"][second]) == {"received": 5, "duplicate": 1, "created": 4}
    assert ran.counts == {"received": 8, "duplicate": 1, "created": 7}
    assert {email.lower() for email in target.on_list(first)} == {
        "anna@example.com",
        "bao.nguyen@example.org",
        "chidi+news@example.net",
    }
    assert {email.lower() for email in target.on_list(second)} == {
        "anna@example.com",
        "bao.nguyen@example.org",
        "chidi+news@example.net",
        "farid@example.com",
    }
    [duplicate] = ran.rejected
    assert (duplicate["list_id"], duplicate["segment"], duplicate["row_key"]) == (second, "Newsletter", "c2")


def test_a_dry_run_shows_the_plan_sends_nothing_and_leaves_every_byte_as_it_was(target: Target) -> None:
    target.run(data("newsletter"))
    target.forget_requests()
    before = digests(target.folder)
    ran = target.run(data("newsletter-anna-moved"), dry_run=True, output_dir=str(target.folder / "dry"))
    after = digests(target.folder)
    assert ran.code == 0
    assert ran.summary["status"] == "planned"
    assert ran.summary["dry_run"] is True
    assert ran.counts == {"received": 5, "unchanged": 4, "updated": 1}
    assert ran.stdout == "", "a dry run has moved the bookmark"
    assert target.writes() == []
    assert {path: after[path] for path in before} == before
    nothing = hashlib.sha256(b"").hexdigest()
    new = {path for path in after.keys() - before.keys() if "/dry/" not in path}
    # Reading a database leaves SQLite's own empty log and its index beside it.
    assert {path for path in new if after[path] != nothing and not path.endswith("-shm")} == set()


def test_a_dry_run_before_the_first_run_makes_no_ledger(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    ran = target.run(data("newsletter"), dry_run=True)
    assert ran.counts == {"received": 5, "created": 5}
    assert not target.ledger.exists()
    assert target.on_list() == set()


def test_the_ledger_and_its_tokens_are_private_and_hold_no_name(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.run(data("newsletter"))
    kept = [path for path in target.folder.iterdir() if path.name.startswith("ledger.db") and path.is_file()]
    assert {path.name for path in kept} >= {"ledger.db", "ledger.db.tokens"}
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    content = b"".join(path.read_bytes() for path in kept)
    assert not [name for name in ("Anna", "Ærø", "Nguyễn", "佐藤", "Århus") if name.encode() in content]


def test_what_a_run_says_holds_no_name_and_no_value_of_anybody(target: Target) -> None:
    ran = target.run(data("newsletter-doubtful"), max_rejected_ratio=1)
    told = ran.stdout + ran.stderr + (ran.folder / "summary.json").read_text("utf-8")
    values = ("Anna", "Ærø", "Femke", "Gustavo", "gustavo(at)", "Århus", "Ribe", "Later")
    assert not [value for value in values if value in told]


def test_more_profiles_than_allowed_stop_the_run_before_the_first_write(target: Target) -> None:
    ran = target.run(data("newsletter"), max_profiles=4)
    assert ran.code == 1
    assert "CIX-501" in ran.stderr
    assert ran.counts == {"received": 5, "deferred": 5}
    assert target.writes() == []


def test_an_address_that_the_two_accounts_of_a_platform_share_is_sent_to_the_named_one_alone(
    to_campaign_monitor: Target,
) -> None:
    target = to_campaign_monitor
    target.run(stream(people(1)))
    assert target.on_list(accounts.CAMPAIGN_MONITOR_OTHER.list_id) == set()


@pytest.mark.parametrize("fields", [["FirstName", "LastName"], "FirstName"])
def test_campaign_monitor_takes_a_full_name_from_one_column_or_from_several(
    to_campaign_monitor: Target, fields: object
) -> None:
    target = to_campaign_monitor
    target.run(stream(people(1, LastName="Moe")), field_mapping={"email": "EMail", "name": fields})
    [member] = target.members().values()
    assert member["name"] == ("Given1 Moe" if isinstance(fields, list) else "Given1")
