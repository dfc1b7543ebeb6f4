"""Where a run can die: every boundary between two steps, and inside those that take time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crash_runner import AtAnswer, AtCall, AtStatement

if TYPE_CHECKING:
    from crash_runner import Death

_JOURNAL = "audience_sdk.ledger.store:Ledger.journal"
_JOB = "audience_sdk.ledger.store:Ledger.journal_job"
_CONFIRM = "audience_sdk.ledger.store:Ledger.confirm"
_EMPTY_TRANSIT = "target_constant_contact.transit:TransitList.empty"
_SECOND_PASS = "target_campaign_monitor.destination:CampaignMonitor._import"
_RETURNING = "'resubscribe': True"
_IMPORT = r"POST .*/(import\.json|contacts_json_import)$"
_REMOVE, _REMOVE_ROWS = "action='remove'", "'remove', [("

EVERYWHERE: dict[str, Death] = {
    "reading": AtCall("audience_sdk.target:SegmentSink.add", 2),
    "staging": AtCall("audience_sdk.ledger.blocks:Blocks.append", 2),
    "staged": AtCall("audience_sdk.ledger.staging:Staging._write", 3, after=True),
    "planning": AtCall("audience_sdk.ledger.planned:PlannedRows.write", about="'create'"),
    "planning-leavers": AtCall("audience_sdk.ledger.planned:PlannedRows.write", about=_REMOVE_ROWS, after=True),
    "plan-not-ended": AtCall("audience_sdk.ledger.planned:PlannedRows.end"),
    "planned": AtCall("audience_sdk.run:check_guards", after=True),
    "journalled-not-sent": AtCall(_JOURNAL, after=True),
    "second-journalled-not-sent": AtCall(_JOURNAL, 2, after=True),
    "joins-sent-no-answer": AtAnswer(_IMPORT),
    "changes-sent-no-answer": AtAnswer(_IMPORT, 7),
    "answered-not-confirmed": AtCall(_CONFIRM),
    "confirming": AtStatement("DELETE FROM batches WHERE"),
    "first-confirmed": AtCall(_CONFIRM, after=True),
    "removals-journalled": AtCall(_JOURNAL, about="'remove'", after=True),
    "removals-answered-not-confirmed": AtCall(_CONFIRM, about=_REMOVE),
    "first-removals-confirmed": AtCall(_CONFIRM, about=_REMOVE, after=True),
    "all-sent": AtCall("audience_sdk.ledger.store:Ledger.drop_memberships"),
    "before-summary": AtCall("audience_sdk.report:Report.finish"),
    "before-state": AtCall("audience_sdk.target:AudienceTarget._write_state_message"),
}
CAMPAIGN_MONITOR: dict[str, Death] = {
    "removal-sent-no-answer": AtAnswer("DELETE .*/subscribers/", 7),
    "removal-answered": AtCall("target_campaign_monitor.destination:leaving_problem", 7, after=True),
    "before-the-second-pass-of-who-returns": AtCall(_SECOND_PASS, about=_RETURNING),
    "after-the-second-pass-of-who-returns": AtCall(_SECOND_PASS, about=_RETURNING, after=True),
}
CONSTANT_CONTACT: dict[str, Death] = {
    "removal-sent-no-answer": AtAnswer("POST .*/remove_list_memberships$"),
    "job-not-journalled": AtCall(_JOB),
    "job-in-flight": AtCall(_JOB, after=True),
    "job-of-changes-in-flight": AtCall(_JOB, about="action='update'", after=True),
    "job-of-removals-in-flight": AtCall(_JOB, about=_REMOVE, after=True),
    "job-ended-not-settled": AtCall("audience_sdk.apply:Applier._settle"),
    "before-emptying-transit": AtCall(_EMPTY_TRANSIT),
    "emptying-transit": AtCall("target_constant_contact.activities:Activities.wait_for"),
    "transit-emptied": AtCall(_EMPTY_TRANSIT, after=True),
}
