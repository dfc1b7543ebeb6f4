"""What Campaign Monitor holds is what was sent: standard fields, and a sample that is read back after a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from target_campaign_monitor.readback import differences
from target_process import people, stream

if TYPE_CHECKING:
    from target_process import Target


def test_mobile_numbers_and_the_consent_to_text_messages_arrive_and_are_cleared(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    mapping = {"email": "EMail", "mobile_number": "City", "consent_to_send_sms": "LoyaltyPoints"}
    rows = [
        *people(1, City="+45 12 34 56 78", LoyaltyPoints="yes"),
        *people(1, start=2, City="0044 7700 900123", LoyaltyPoints="no"),
        *people(1, start=3, City="12345678", LoyaltyPoints="yes"),
        *people(1, start=4),
    ]

    def told() -> list[tuple[str | None, str | None]]:
        url = f"{target.config['api_url']}/lists/{target.list_id}/active.json"
        query = {"orderfield": "email", "includesmspreference": "true"}
        items = requests.get(url, query, auth=(target.config["api_key"], "x"), timeout=60).json()["Results"]
        return [(each.get("MobileNumber"), each.get("ConsentToSendSms")) for each in items]

    ran = target.run(stream(rows), field_mapping=mapping)
    assert ran.counts == {"received": 4, "created": 4}
    assert told() == [("+4512345678", "Yes"), ("+447700900123", "No"), (None, None), (None, None)]
    [(warning, count)] = ran.summary["warnings"].items()
    assert (count, "`mobile_number`" in warning) == (1, True)
    rows[0] = people(1)[0]
    target.run(stream(rows), field_mapping=mapping)
    assert told()[0] == (None, None)


SENT: dict[str, Any] = {
    "EmailAddress": "Anna@example.com",
    "ConsentToTrack": "Yes",
    "Name": "Anna Moe",
    "MobileNumber": "+4512345678",
    "CustomFields": [
        {"Key": "[City]", "Value": "Ribe"},
        {"Key": "[Points]", "Value": "12.50"},
        {"Key": "[LastPurchase]", "Value": "2026/10/01"},
        {"Key": "[Likes]", "Value": "Tea"},
        {"Key": "[Likes]", "Value": "Coffee"},
        {"Key": "[Old]", "Value": "", "Clear": True},
    ],
}
TOLD: dict[str, Any] = {
    "EmailAddress": "anna@example.com",
    "State": "Active",
    "ConsentToTrack": "Yes",
    "Name": "Anna Moe",
    "MobileNumber": "+4512345678",
    "CustomFields": [
        {"Key": "City", "Value": "Ribe"},
        {"Key": "[points]", "Value": "12.5"},
        {"Key": "Last Purchase", "Value": "2026-10-01"},
        {"Key": "[Likes]", "Value": "coffee"},
        {"Key": "[Likes]", "Value": "Tea"},
        {"Key": "[Unrelated]", "Value": "x"},
    ],
}


def told_with(**values: str | None) -> dict[str, Any]:
    """The person with other values of custom fields; None for none."""
    kept = [each for each in TOLD["CustomFields"] if each["Key"] not in values]
    more = [{"Key": key, "Value": value} for key, value in values.items() if value is not None]
    return {**TOLD, "CustomFields": [*kept, *more]}


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (TOLD, []),
        ({**TOLD, "State": "Unconfirmed"}, []),
        ({**TOLD, "ConsentToTrack": ""}, []),
        ({**TOLD, "State": "Unsubscribed"}, ["the person is not active on the list."]),
        ({**TOLD, "EmailAddress": "bo@example.com"}, ["another person was told."]),
        ({**TOLD, "Name": ""}, ["`Name`: the value was not kept."]),
        ({**TOLD, "Name": "Anna"}, ["`Name`: another value is held."]),
        ({**TOLD, "MobileNumber": None}, ["`MobileNumber`: the value was not kept."]),
        ({**TOLD, "ConsentToTrack": "No"}, ["`ConsentToTrack`: another value is held."]),
        (told_with(City=None), ["`[City]`: the value was not kept."]),
        (told_with(City="Århus"), ["`[City]`: another value is held."]),
        (told_with(Old="x"), ["`[Old]`: the value was not cleared."]),
        (
            {**TOLD, "CustomFields": []},
            [f"`[{key}]`: the value was not kept." for key in ("City", "Points", "LastPurchase", "Likes")],
        ),
        ({**TOLD, "CustomFields": TOLD["CustomFields"][:-2]}, ["`[Likes]`: another value is held."]),
    ],
)
def test_differences_are_told_by_field_and_without_values(told: dict[str, Any], found: list[str]) -> None:
    assert list(differences(SENT, told)) == found


def test_a_cleared_name_and_number_are_no_difference() -> None:
    sent = {"EmailAddress": "a@example.com", "ConsentToTrack": "Unchanged", "Name": "", "MobileNumber": ""}
    told = {"EmailAddress": "a@example.com", "ConsentToTrack": "No", "State": "Active", "Name": ""}
    assert list(differences(sent, told)) == []


@pytest.mark.parametrize("brackets", [True, False])
def test_what_the_platform_drops_silently_is_found_by_reading_a_sample_back(
    to_campaign_monitor: Target, brackets: bool
) -> None:
    target = to_campaign_monitor
    target.sandbox.switch("campaign_monitor.read_key_brackets", brackets)
    url = f"{target.config['api_url']}/lists/{target.list_id}/customfields/%5BCity%5D.json"
    rows = people(50, City="Ribe", LoyaltyPoints=1)
    kept = target.run(stream(rows))
    assert (kept.code, kept.summary["warnings"]) == (0, {})
    assert len(target.requests("GET", f"/subscribers/{target.list_id}.json")) == 20
    # The field is deleted, and the listing of fields does not know of it yet.
    requests.delete(url, auth=(target.config["api_key"], "x"), timeout=60).raise_for_status()
    target.sandbox.fault(
        "status",
        status=200,
        method="GET",
        path="customfields",
        count=1,
        body=[
            {"FieldName": name, "Key": f"[{name.replace(' ', '')}]", "DataType": "Text", "FieldOptions": []}
            for name in ("City", "Loyalty Points", "Last Purchase")
        ],
    )
    ran = target.run(stream(rows), full_resync=True)
    assert ran.code == 0, "the rows are confirmed; a warning is enough"
    assert ran.counts == {"received": 50, "updated": 50}
    assert ran.summary["warnings"] == {"CIX-710: of 20 people read back, `[City]`: the value was not kept.": 20}
    assert "CIX-710" in ran.stderr


@pytest.mark.parametrize(("size", "read"), [(0, 0), (3, 3), (100, 7)])
def test_as_many_are_read_back_as_the_setting_says_and_there_are(
    to_campaign_monitor: Target, size: int, read: int
) -> None:
    target = to_campaign_monitor
    target.run(stream(people(7)), read_back_sample=size)
    assert len(target.requests("GET", f"/subscribers/{target.list_id}.json")) == read


def test_a_platform_that_does_not_let_people_be_read_back_costs_a_warning_and_not_the_run(
    to_campaign_monitor: Target,
) -> None:
    target = to_campaign_monitor
    refusal = {"status": 401, "body": {"Code": 60, "Message": "No permission"}}
    target.sandbox.fault("status", method="GET", path=f"/subscribers/{target.list_id}.json", **refusal)
    ran = target.run(stream(people(7)))
    assert ran.code == 0
    assert ran.counts == {"received": 7, "created": 7}
    assert ran.summary["warnings"] == {"CIX-710: no sample could be read back (CIX-405).": 7}
