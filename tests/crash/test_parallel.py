"""Promise 9: several batches at once, never one address in two of them, and one budget for all processes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crash_export import IN_FLIGHT, KILLED, TUNING, Export, address, people, person, segment
from crash_runner import AtCall
from target_campaign_monitor.destination import CampaignMonitor
from target_constant_contact.destination import ConstantContact

if TYPE_CHECKING:
    from collections.abc import Mapping

_MANY = {"rows": 5, "removals": 5, "calls": 8, "in_flight": 12}
MANY_AT_ONCE: Mapping[str, Any] = {
    **TUNING,
    "target_campaign_monitor.destination:CampaignMonitor.limits": replace(CampaignMonitor.limits, **_MANY),
    "target_constant_contact.destination:ConstantContact.limits": replace(ConstantContact.limits, **_MANY),
}


def in_flight(export: Export) -> list[list[str]]:
    """The addresses of each batch in the journal of a run that was killed."""
    return [[row.email_key for row in rows] for _, rows in export.journalled()]


def test_no_address_is_in_two_batches_in_flight(export: Export) -> None:
    """Joins, changes and leavers, duplicates, several segments and lists: whatever could bring an address up twice."""
    second = export.make_list()
    lists = {"A": [export.list_id, second], "B": export.list_id}
    export.run(segment(people(*range(30)), "A") + segment(people(*range(20, 40)), "B"), lists=lists)
    moved = [person(n, EMail=address(n + 100)) for n in range(5)]
    rows_a = [*moved, *people(*range(5, 15), City="Moved"), *people(*range(5, 10), City="Moved again")]
    rows_b = [*people(*range(5, 25), City="Moved"), *people(*range(200, 215)), person(7, EMail=address(8).upper())]
    export.sandbox.fault("slow_answer", platform=export.platform, path="import", seconds=5)
    ran = export.run(
        segment(rows_a, "A") + segment(rows_b, "B"),
        lists=lists,
        tuning=MANY_AT_ONCE,
        death=AtCall("audience_sdk.ledger.store:Ledger.journal", 8, after=True),
        sync_mode="mirror",
        max_removal_ratio=1,
    )
    assert ran.code == KILLED
    batches = in_flight(export)
    assert len(batches) == 8
    addresses = [email for batch in batches for email in batch]
    assert len(addresses) == len(set(addresses)) > 30


def test_there_are_never_more_batches_under_way_than_the_limit(export: Export) -> None:
    export.sandbox.fault("slow_answer", platform=export.platform, path="import", seconds=0.3)
    death = AtCall("audience_sdk.ledger.store:Ledger.journal", 5, after=True)
    assert export.run(segment(people(*range(120))), death=death).code == KILLED
    assert 1 <= len(in_flight(export)) <= IN_FLIGHT


def test_two_processes_share_one_budget(to_constant_contact: Export) -> None:
    """The service allows one application four requests in a second; neither process is ever asked to slow down."""
    one = to_constant_contact
    one.config["requests_per_second"] = 4
    one.sandbox.switch("constant_contact.requests_per_second", 4)
    second = one.make_list()
    shared = {"list_id": second, "ledger_url": one.config["ledger_url"], "requests_per_second": 4}
    other = Export(one.platform, one.sandbox, one.folder / "other", shared)
    rows = segment(people(*range(70)))
    runs = [export.start(rows) for export in (one, other)]
    assert [run.wait().code for run in runs] == [0, 0]
    statuses = [each["status"] for each in one.sandbox.requests(one.platform)]
    assert len(statuses) > 20
    assert 429 not in statuses
    assert len(one.on_list()) == len(one.on_list(second)) == 70


def test_a_throttle_is_waited_for(export: Export) -> None:
    export.sandbox.fault("throttle", platform=export.platform, path="import", count=2, headers={"Retry-After": "1"})
    ran = export.run(segment(people(1, 2)))
    assert ran.counts == {"received": 2, "created": 2}
    assert ran.summary["retries"] == 2


def test_a_throttle_without_end_an_outage_and_a_spent_quota_are_told_apart(to_constant_contact: Export) -> None:
    export = to_constant_contact
    told = {}
    for kind, settings in (
        ("throttle", {}),
        ("status", {"status": 503}),
        ("status", {"status": 429, "body": {"error_key": "quota_exceeded", "error_message": "spent"}}),
    ):
        export.sandbox.fault(kind, platform=export.platform, path="import", **settings)
        ran = export.run(segment(people(1, 2)))
        told[ran.summary["error"]["code"]] = (ran.code, ran.counts.get("deferred", 0), ran.counts.get("failed", 0))
        export.sandbox.control("DELETE", "/faults")
    assert told == {"CIX-407": (75, 2, 0), "CIX-401": (1, 0, 2), "CIX-406": (75, 2, 0)}


def test_a_spent_quota_leaves_the_rest_for_the_next_day(to_constant_contact: Export) -> None:
    export = to_constant_contact
    export.sandbox.switch("constant_contact.requests_per_day", 6)
    rows = segment(people(*range(200)))
    ran = export.run(rows)
    assert (ran.code, ran.states) == (75, [])
    assert ran.summary["status"] == "incomplete"
    assert ran.summary["error"]["code"] == "CIX-406"
    assert ran.counts["deferred"] + ran.counts.get("created", 0) == 200
    assert ran.counts["deferred"] >= 100
    export.sandbox.switch("constant_contact.requests_per_day", 0)
    assert export.run(rows).code == 0
    assert len(export.on_list()) == 200
    assert export.rows_sent() <= 200 + IN_FLIGHT * 20, "what was confirmed is not sent again"
