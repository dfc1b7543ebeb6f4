"""Batches keep within the platforms' bounds, and whatever their number nobody is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_process import people, stream

if TYPE_CHECKING:
    from target_process import Target

LARGEST_BODY = 3_900_000
"""Bytes that we allow a body at Constant Contact; from 4,000,000 on it drops rows without a word."""


def test_campaign_monitor_gets_at_most_a_thousand_rows_at_once(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    rows = people(2_001)
    ran = target.run(stream(rows))
    assert ran.counts == {"received": 2001, "created": 2001}
    assert sorted(target.rows_sent()) == [1, 1000, 1000]
    assert target.on_list() == {row["EMail"] for row in rows}


def test_bodies_to_campaign_monitor_are_bounded_by_bytes_too(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    labels = [f"Note {number:02}" for number in range(15)]
    target.sandbox.seed("campaign_monitor", custom_fields=[{"name": label} for label in labels])
    text = "恵" * 250  # 750 bytes each, so 500 rows have more than 5 million
    mapping = {"email": "EMail", "custom_fields": dict.fromkeys(labels, "City")}
    rows = people(500, City=text)
    ran = target.run(stream(rows), field_mapping=mapping)
    assert ran.counts == {"received": 500, "created": 500}
    assert len(target.imports()) == 2
    assert all(each["bytes_in"] <= 4_000_000 for each in target.imports())
    assert {len(member["fields"]) for member in target.members().values()} == {15}


def test_no_body_to_constant_contact_reaches_the_size_from_which_rows_are_dropped_silently(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    labels = [f"Note {number:02}" for number in range(25)]
    target.sandbox.seed("constant_contact", custom_fields=[{"label": label, "type": "string"} for label in labels])
    text = "恵" * 255  # 765 bytes each, 19 kB a row
    mapping = {"email": "EMail", "custom_fields": dict.fromkeys(labels, "City")}
    rows = people(450, City=text)
    ran = target.run(stream(rows), field_mapping=mapping)
    assert ran.code == 0
    assert ran.counts == {"received": 450, "created": 450}
    bodies = [each["bytes_in"] for each in target.imports()]
    assert len(bodies) == 3
    assert max(bodies) <= LARGEST_BODY
    assert sorted(bodies)[1] > 0.98 * LARGEST_BODY, "bodies are smaller than they could be"
    members = target.members()
    assert members.keys() == {row["EMail"] for row in rows}
    assert all(list(member["fields"].values()) == [text] * 25 for member in members.values())


def test_constant_contact_gets_at_most_forty_thousand_rows_at_once(to_constant_contact: Target) -> None:
    target = to_constant_contact
    rows = people(40_001)
    ran = target.run(stream(rows), field_mapping={"email": "EMail"})
    assert ran.counts == {"received": 40_001, "created": 40_001}
    assert sorted(target.rows_sent()) == [1, 40_000]
    assert len(target.on_list()) == 40_001


def test_a_row_that_is_alone_too_large_is_named_and_the_others_go_out(to_constant_contact: Target) -> None:
    target = to_constant_contact
    too_long = f"{'x' * 64}@{'y' * 20}.example.com"
    rows = [*people(2), {"CustomerId": "c9", "EMail": too_long}]
    ran = target.run(stream(rows), max_rejected_ratio=1)
    assert ran.counts == {"received": 3, "invalid": 1, "created": 2}
    assert ran.problem_of(too_long)["code"] == "CIX-702"
    assert "80 characters" in ran.problem_of(too_long)["reason"]
