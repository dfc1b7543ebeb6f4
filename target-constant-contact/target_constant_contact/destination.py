"""Constant Contact as a destination: its limits as data, and the few calls that an export needs."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from audience_sdk.contact import Action, Outcome, RowProblem
from audience_sdk.destination import (
    BatchRefusedError,
    BatchResult,
    CustomField,
    Job,
    JobDestination,
    Limits,
    Member,
    PlatformList,
)
from audience_sdk.errors import JOB_FAILED, ROW_REJECTED, CixError
from audience_sdk.http import CHECK_ATTEMPTS

from target_constant_contact.answers import LOST, TERMINAL_STATES, all_landed, error_of, list_error
from target_constant_contact.contacts import address_of, id_on_list, is_unsubscribed, unsubscribe
from target_constant_contact.paging import pages
from target_constant_contact.payload import STANDARD_FIELDS, row_encoder
from target_constant_contact.readback import read_back
from target_constant_contact.transit import TransitList

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from audience_sdk.contact import Contact
    from audience_sdk.destination import Batch, EncodedRow
    from audience_sdk.http import Api
    from audience_sdk.mapping import FieldMapping

_REFUSED = RowProblem(Outcome.REJECTED, ROW_REJECTED, "Constant Contact refused the import of this row (HTTP 400).")


class ConstantContact(JobDestination):
    """The adapter to Constant Contact's API V3.

    Args:
        api: The API.
        job_deadline_seconds: How long an import may take before its rows are left for the next run.
    """

    # 40,000 rows and 4 MB are the platform's bounds. It drops what is beyond 4 MB without a word and does not say
    # which megabyte it means, so 3.9 million bytes are kept. The queue takes 1,000 activities; 20 keep it busy.
    limits: ClassVar[Limits] = Limits(
        rows=40_000, body_bytes=3_900_000, email_length=80, calls=2, in_flight=20, removals=500
    )
    standard_fields: ClassVar[Collection[str]] = STANDARD_FIELDS
    removes_by_id: ClassVar[bool] = True
    poll_seconds: ClassVar[float] = 5.0

    def __init__(self, api: Api, job_deadline_seconds: float) -> None:
        self._api = api
        self._transit = TransitList(api)
        self._absent: dict[str, Collection[str]] = {}
        self.job_deadline_seconds = job_deadline_seconds

    def check(self) -> str:
        """See `Destination.check`."""
        reply = self._api.call("GET", "/account/summary", attempts=CHECK_ATTEMPTS)
        if reply.status == HTTPStatus.FORBIDDEN:
            # The scope `account_read` may be missing; an export can do without it.
            reply = self._api.call("GET", "/contact_lists", params={"limit": 1})
        if not reply.ok:
            raise error_of(reply, "Checking the connection")
        return str(reply.json().get("organization_name") or "Constant Contact")

    def describe_list(self, list_id: str) -> PlatformList:
        """See `Destination.describe_list`."""
        reply = self._api.call("GET", f"/contact_lists/{list_id}")
        if not reply.ok:
            raise list_error(reply, list_id)
        fields = pages(self._api, "/contact_custom_fields", "custom_fields", {"limit": 100})
        return PlatformList(list_id, reply.json()["name"], tuple(map(_custom_field, fields)))

    def row_encoder(self, platform_list: PlatformList, mapping: FieldMapping) -> Callable[[Contact], EncodedRow]:
        """See `Destination.row_encoder`."""
        return row_encoder(platform_list.custom_fields, mapping)

    def body_overhead(self, list_id: str) -> int:
        """See `Destination.body_overhead`."""
        return len(_body([], list_id))

    def send(self, batch: Batch) -> BatchResult | Job:
        """See `Destination.send`."""
        if batch.action is Action.REMOVE:
            return self._remove(batch)
        body = _body([row.payload for row in batch.rows], self._import_list(batch))
        reply = self._api.call("POST", "/activities/contacts_json_import", body=body)
        if reply.status == HTTPStatus.BAD_REQUEST:
            raise BatchRefusedError(_REFUSED)
        if not reply.ok:
            raise error_of(reply, "Import")
        return Job(reply.json()["activity_id"])

    def unsubscribe(self, batch: Batch) -> BatchResult:
        """See `Destination.unsubscribe`."""
        return BatchResult({row.email_key: problem for row in batch.rows if (problem := unsubscribe(self._api, row))})

    def members(self, list_id: str) -> Iterator[Member]:
        """See `Destination.members`; one listing of the whole account tells both who is on the list and who is not."""
        query = {"status": "all", "include": "list_memberships", "limit": 500}
        for contact in pages(self._api, "/contacts", "contacts", query):
            email = address_of(contact)
            if email:
                mailed = list_id in contact.get("list_memberships", ()) and not is_unsubscribed(contact)
                yield Member(email, on_list=mailed, platform_id=contact["contact_id"])

    def poll(self, job_ids: Collection[str]) -> Mapping[str, Any]:
        """See `JobDestination.poll`; one listing holds the newest 500 activities, older ones are asked for singly."""
        reply = self._api.call("GET", "/activities", params={"limit": 500})
        if not reply.ok:
            raise error_of(reply, "Listing activities")
        # The links in an activity are not reliable; its `activity_id` is.
        activities = {each["activity_id"]: each for each in reply.json().get("activities") or ()}
        for job_id in job_ids:
            if job_id not in activities:
                activities[job_id] = self._activity(job_id)
        return {job: activities[job] for job in job_ids if activities[job].get("state") in TERMINAL_STATES}

    def settle(self, batch: Batch, answer: Any) -> BatchResult:
        """See `JobDestination.settle`; the counters say how many rows did not land, reading back says which."""
        if answer["state"] != "completed":
            raise CixError(JOB_FAILED, f"Activity {answer['activity_id']} ended as `{answer['state']}`.")
        if batch.action is Action.REMOVE:
            return BatchResult(absent=self._absent.pop(answer["activity_id"], ()))
        if all_landed(answer, len(batch.rows)):
            return BatchResult()
        return BatchResult(read_back(self._api, batch, self._import_list(batch)))

    def finish_list(self, list_id: str) -> None:
        """Empty the list that changes have passed through."""
        self._transit.empty(list_id)

    def _remove(self, batch: Batch) -> BatchResult | Job:
        found = {
            row.email_key: row.platform_id or id_on_list(self._api, row.email_key, batch.list_id) for row in batch.rows
        }
        absent = [email_key for email_key, contact_id in found.items() if contact_id is None]
        ids = [contact_id for contact_id in found.values() if contact_id is not None]
        if not ids:
            return BatchResult(absent=absent)
        body = msgspec.json.encode({"source": {"contact_ids": ids}, "list_ids": [batch.list_id]})
        reply = self._api.call("POST", "/activities/remove_list_memberships", body=body)
        if not reply.ok:
            raise error_of(reply, "Taking people off the list")
        job = Job(reply.json()["activity_id"])
        self._absent[job.job_id] = absent
        return job

    def _import_list(self, batch: Batch) -> str:
        return self._transit.list_id(batch.list_id) if batch.action is Action.UPDATE else batch.list_id

    def _activity(self, activity_id: str) -> dict[str, Any]:
        reply = self._api.call("GET", f"/activities/{activity_id}")
        if reply.status == HTTPStatus.NOT_FOUND:
            # Activities are kept for ten days.
            return {"activity_id": activity_id, "state": LOST}
        if not reply.ok:
            raise error_of(reply, f"Activity {activity_id}")
        activity: dict[str, Any] = reply.json()
        return activity


def _body(rows: list[bytes], list_id: str) -> bytes:
    return b'{"import_data":[' + b",".join(rows) + b'],"list_ids":' + msgspec.json.encode([list_id]) + b"}"


def _custom_field(field: dict[str, Any]) -> CustomField:
    options = tuple(choice["choice_label"] for choice in field.get("choices") or ())
    return CustomField(field["label"], f"cf:{field['name']}", field["type"], options)
