"""What Constant Contact's documentation leaves open, each way: an export ends the same, or says what is different."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cix_sandbox.constant_contact.switches import SWITCHES
from constant_contact_api import ConstantContactApi
from target_process import people, stream

if TYPE_CHECKING:
    from target_process import Target

NEVER_MET = {"list_page": 1_000, "source_lists": 100, "gzip_bodies": True, "sign_ups_per_day": 1}
"""The other values of switches about requests that an export never makes."""

LONG = f"{'x' * 60}@example.com"
EITHER_WAY = [
    ("activities_in_parallel", 1),
    ("activity_errors", "none"),
    ("confirmed_opt_in", True),
    ("created_status", "200"),
    ("email_match", "sensitive"),
    ("import_counts_header", False),
    ("import_duplicates", "first_wins"),
    ("import_duplicates", "row_error"),
    ("import_long_value", "row_error"),
    ("import_many_fields", "row_error"),
    ("membership_bumps_updated_at", False),
    ("unsubscribe_leaves_lists", False),
]
"""The other value of each switch that an export can meet and no test of its own is about; all defaults come first."""


@pytest.mark.parametrize(
    "switches",
    [{"activities_in_parallel": 0}, NEVER_MET, *({switch: value} for switch, value in EITHER_WAY)],
    ids=lambda switches: "-".join(map(str, next(iter(switches.items())))),
)
def test_joins_changes_leavers_and_the_unsubscribed_end_the_same_either_way(
    to_constant_contact: Target, switches: dict[str, object]
) -> None:
    target = to_constant_contact
    named = {f"constant_contact.{switch}": value for switch, value in switches.items()}
    target.sandbox.control("PATCH", "/switches", named)
    known = [
        {"email": "Person00001@Example.com", "first_name": "Early"},
        {"email": "gone@example.com", "permission": "unsubscribed", "lists": [target.list_id]},
    ]
    target.sandbox.seed("constant_contact", contacts=known)
    gone = {"CustomerId": "gone", "EMail": "gone@example.com"}
    twice = {**people(1)[0], "CustomerId": "twice", "EMail": "PERSON00001@example.com"}
    everybody = people(9, City="x" * 300)

    first = target.run(stream([*everybody, twice, gone]), sync_mode="mirror", read_back_sample=0)
    assert first.counts == {"received": 11, "duplicate": 1, "created": 9, "suppressed": 1}
    assert first.problem_of("gone@example.com")["code"] == "CIX-706"

    changed = [{**row, "City": "Ribe"} for row in everybody[:7]]
    second = target.run(stream([*changed, gone]), sync_mode="mirror", read_back_sample=0)
    assert second.counts == {"received": 8, "updated": 7, "suppressed": 1, "removed": 2}
    assert {email.lower() for email in target.on_list()} == {row["EMail"] for row in changed}
    api = ConstantContactApi(target.sandbox)
    assert api.contact("person00002@example.com")["custom_fields"]["City"] == "Ribe"
    assert list(api.people_in_transit().values()) == [0]


@pytest.mark.parametrize(
    ("length", "refused", "requests"),
    [(50, "row_error", 1), (50, "refuse", 2), (80, "row_error", 1), (80, "refuse", 1)],
)
def test_an_address_of_more_than_fifty_characters_is_sent_and_at_worst_rejected_alone(
    to_constant_contact: Target, length: int, refused: str, requests: int
) -> None:
    target = to_constant_contact
    switches = {"constant_contact.import_email_length": length, "constant_contact.import_long_email": refused}
    target.sandbox.control("PATCH", "/switches", switches)
    ran = target.run(stream([*people(3), {"CustomerId": "long", "EMail": LONG}]), max_rejected_ratio=1)
    assert ran.code == 0
    taken = length > len(LONG)
    assert ran.counts == {"received": 4, "created": 4} if taken else {"received": 4, "created": 3, "rejected": 1}
    assert (LONG in target.on_list()) == taken
    assert len(target.imports()) == requests
    if refused == "refuse" and not taken:
        assert "more than 50 characters" in ran.problem_of(LONG)["reason"]


def test_after_one_refusal_long_addresses_are_left_out_of_the_imports_that_follow(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.run(stream(people(3)))
    target.sandbox.switch("constant_contact.import_long_email", "refuse")
    rows = [*people(3, City="Ribe"), *people(3, start=4)]
    longs = [{"CustomerId": f"long{n}", "EMail": f"{n}{LONG}"} for n in range(3)]
    target.forget_requests()
    ran = target.run(stream([*rows, *longs]), max_rejected_ratio=1)
    assert ran.counts == {"received": 9, "created": 3, "updated": 3, "rejected": 3}
    assert [each["status"] for each in target.imports()] == [400, 201, 201]
    alone = target.run(stream([*rows, *longs]), max_rejected_ratio=1)
    assert alone.counts == {"received": 9, "unchanged": 6, "rejected": 3}
    assert {line["code"] for line in alone.rejected} == {"CIX-705"}


@pytest.mark.parametrize("body", ["array", "object", "gateway"])
@pytest.mark.parametrize("cause", [("privileges", "none"), ("application_active", False)], ids=["user", "application"])
def test_a_missing_permission_is_named_whatever_the_answer_looks_like(
    to_constant_contact: Target, body: str, cause: tuple[str, object]
) -> None:
    target = to_constant_contact
    switches = {"constant_contact.forbidden_body": body, f"constant_contact.{cause[0]}": cause[1]}
    target.sandbox.control("PATCH", "/switches", switches)
    ran = target.run(stream(people(1)))
    assert ran.code == 1
    assert "CIX-405" in ran.stderr


def test_an_account_without_room_for_the_transit_list_says_so_and_sends_no_change(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.run(stream(people(2)))
    target.sandbox.switch("constant_contact.lists", 1)
    ran = target.run(stream(people(2, City="Ribe")))
    assert ran.code == 1
    assert "Making the list of changes in transit" in ran.stderr
    assert ran.counts == {"received": 2, "failed": 2}


def test_the_whole_vocabulary_of_the_import_arrives(to_constant_contact: Target) -> None:
    target = to_constant_contact
    values: dict[str, Any] = {
        "first_name": "Bo",
        "last_name": "Moe",
        "job_title": "Captain",
        "company_name": "Boats",
        "birthday_month": 2,
        "birthday_day": 29,
        "anniversary": "2001-06-30",
        "phone": "555 0100",
        "work_phone": "555 0101",
        "mobile_phone": "555 0102",
        **{name: f"{name} 1" for name in ("street", "street2", "city", "state", "zip", "country")},
        **{f"work_{name}": f"w {name}" for name in ("street", "street2", "city", "state", "zip", "country")},
        **{f"other_{name}": f"o {name}" for name in ("street", "street2", "city", "state", "zip", "country")},
        "sms_number": "555-010-0199",
        "sms_consent_date": "2026-01-31",
    }
    mapping = {"email": "EMail", **{name: f"X_{name}" for name in values}}
    row = {"CustomerId": "c1", "EMail": "bo@example.com", **{f"X_{name}": value for name, value in values.items()}}
    ran = target.run(
        stream([row], columns=[f"X_{name}" for name in values]),
        field_mapping=mapping,
        sms_permission_to_send="explicit",
    )
    assert ran.counts == {"received": 1, "created": 1}
    assert ran.summary["warnings"] == {}
    api = ConstantContactApi(target.sandbox)
    contact_id = api.contact("bo@example.com")["contact_id"]
    held = api.get(f"/contacts/{contact_id}", include="phone_numbers,street_addresses")
    assert {name: held[name] for name in list(values)[:7]} == {name: values[name] for name in list(values)[:7]}
    assert {each["kind"]: each["phone_number"] for each in held["phone_numbers"]} == {
        "other": "555 0100",
        "work": "555 0101",
        "mobile": "555 0102",
    }
    assert {each["kind"]: (each["street"], each["postal_code"]) for each in held["street_addresses"]} == {
        "home": ("street 1 street2 1", "zip 1"),
        "work": ("w street w street2", "w zip"),
        "other": ("o street o street2", "o zip"),
    }


def test_every_switch_of_the_stand_in_is_met_by_a_test_of_the_targets() -> None:
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("*.py"))
    assert [each.name for each in SWITCHES if not re.search(rf"\b{each.name}\b", tests)] == []
