"""Constant Contact as a destination: its limits as data, and the few calls that an export needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, cast

import msgspec
from audience_sdk.contact import Action, Outcome, RowProblem
from audience_sdk.destination import (
    BatchRefusedError,
    BatchResult,
    BrokenOffError,
    Job,
    JobDestination,
    Leavers,
    Limits,
    Member,
    PlatformList,
)
from audience_sdk.errors import JOB_FAILED, ROW_REJECTED, STOPPED, CixError
from audience_sdk.http import CHECK_ATTEMPTS
from msgspec.structs import replace

from target_constant_contact.activities import Activities, Order, RefusedError
from target_constant_contact.answers import (
    DELETED,
    LONG_ADDRESS,
    STILL_ON_LIST,
    all_done,
    all_landed,
    error_of,
    list_error,
)
from target_constant_contact.clearing import Clearing
from target_constant_contact.contacts import (
    address_of,
    contact_of,
    id_on_list,
    is_deleted,
    is_on,
    is_unsubscribed,
    look_up,
    unsubscribe,
)
from target_constant_contact.deleted import DeletedContacts
from target_constant_contact.fields import KEY_PREFIX, MAX_ACCOUNT_FIELDS, AccountFields, Field, design, fold_label
from target_constant_contact.names import FieldNames
from target_constant_contact.paging import pages
from target_constant_contact.payload import mapped_fields, row_encoder
from target_constant_contact.readback import Landed, ReadBack, written_since
from target_constant_contact.sample import differences
from target_constant_contact.transit import TransitList
from target_constant_contact.vocabulary import STANDARD_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from audience_sdk.contact import Contact, StagedRow
    from audience_sdk.destination import Batch, CustomField, EncodedRow
    from audience_sdk.fields import WantedField
    from audience_sdk.http import Api
    from audience_sdk.mapping import FieldMapping

    from target_constant_contact.activities import Begun
SHORT_ADDRESS = 50
"""The import's contract has addresses of at most 50 characters, the rest of the API of 80; both are allowed for."""

_SINGLE_LOOK_UPS = 50
"""Of more leavers than this, reading the list tells who is on it."""

_REFUSED = RowProblem(Outcome.REJECTED, ROW_REJECTED, "Constant Contact refused the import of this row.")
_REFUSED_FOR_ITS_ROWS = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}


@dataclass
class _Note:
    """What is known of an activity besides its rows, until it has ended or the process has.

    Attributes:
        taken_for: The order without an answer for which the activity was taken, if it was.
        problems: Rows that were not sent.
    """

    taken_for: Order | None = None
    problems: Mapping[str, RowProblem] = field(default_factory=dict)


class ConstantContact(JobDestination):
    """The adapter to Constant Contact's API V3.

    Args:
        api: The API.
        job_deadline_seconds: How long an import may take before its rows are left for the next run.
        max_cleared: Contacts of a run whose values are cleared that have become empty.
        sms_permission: `explicit`, or `not_set` for numbers that nobody may send text messages to.
        names: Remembers which custom fields the field mapping means, if anything is to.
    """

    # 40,000 rows and 4 MB are the platform's bounds. It drops what is beyond 4 MB without a word and does not say
    # which megabyte it means, so 3.9 million bytes are kept. The queue takes 1,000 activities; 20 keep it busy.
    limits: ClassVar[Limits] = Limits(
        rows=40_000,
        body_bytes=3_900_000,
        email_length=80,
        calls=2,
        in_flight=20,
        removals=500,
        custom_fields=MAX_ACCOUNT_FIELDS,
    )
    standard_fields: ClassVar[Collection[str]] = STANDARD_FIELDS
    removes_by_id: ClassVar[bool] = True
    poll_seconds: ClassVar[float] = 5.0

    def __init__(
        self,
        api: Api,
        job_deadline_seconds: float,
        *,
        max_cleared: int = 0,
        sms_permission: str = "not_set",
        names: FieldNames | None = None,
    ) -> None:
        self._api = api
        self._sms_permission = sms_permission
        self._names = names or FieldNames()
        self._activities = Activities(api, job_deadline_seconds)
        self._transit = TransitList(api, self._activities)
        self._fields = AccountFields(api)
        self._deleted = DeletedContacts(api)
        self._read_back = ReadBack(api)
        self._clearing = Clearing(api, max_cleared)
        self._notes: dict[str, _Note] = {}
        self._mapped: dict[str, tuple[frozenset[str], dict[str, str]]] = {}
        self._listed: set[str] = set()
        self._refuses_long_addresses = False
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
        fields = self._names.as_mapped(self._fields.all())
        return PlatformList(
            list_id,
            reply.json()["name"],
            tuple(fields),
            unsubscribing="Who is unsubscribed gets nothing from this account any more, from none of its lists.",
        )

    def row_encoder(self, platform_list: PlatformList, mapping: FieldMapping) -> Callable[[Contact], EncodedRow]:
        """See `Destination.row_encoder`."""
        fields = mapped_fields(platform_list, mapping)
        ids = {name: each.field_id for name, each in fields.items() if isinstance(each, Field) and each.field_id}
        self._names.use(ids)
        self._mapped[platform_list.list_id] = (
            frozenset({*mapping.fields, *(each.key for each in fields.values())}),
            {fields[name].key: field_id for name, field_id in ids.items()},
        )
        return row_encoder(platform_list, mapping, explicit_sms=self._sms_permission == "explicit")

    def fold_field(self, name: str) -> str:
        """See `Destination.fold_field`."""
        return fold_label(name)

    def design_field(self, wanted: WantedField) -> CustomField:
        """See `Destination.design_field`."""
        return design(wanted)

    def create_field(self, list_id: str, design: CustomField) -> CustomField:  # noqa: ARG002 - fields are the account's
        """See `Destination.create_field`."""
        return self._fields.create(cast("Field", design))

    def add_options(self, list_id: str, field: CustomField, options: Sequence[str]) -> None:  # noqa: ARG002 - likewise
        """See `Destination.add_options`."""
        self._fields.add_options(cast("Field", field), options)

    def values_of(self, payload: bytes) -> Iterable[tuple[str, str]]:
        """See `Destination.values_of`."""
        several = {each.key for each in self._fields.all() if each.kind == "multi_select"}
        for key, value in msgspec.json.decode(payload, type=dict[str, Any]).items():
            if key.startswith(KEY_PREFIX):
                for each in value.split(",") if key in several else [value]:
                    yield key, each

    def read_back(self, list_id: str, rows: Sequence[StagedRow]) -> Iterable[str]:
        """See `Destination.read_back`."""
        _, field_ids = self._mapped[list_id]
        return differences(self._api, rows, {each.field_id: each for each in self._fields.all()}, field_ids)

    def body_overhead(self, list_id: str) -> int:
        """See `Destination.body_overhead`."""
        return len(self._body([], list_id))

    def send(self, batch: Batch) -> BatchResult | Job:
        """See `Destination.send`."""
        if batch.action is Action.REMOVE:
            return Job(self._remove(batch))
        problems = self._held_back(batch)
        rows = [row for row in batch.rows if row.email_key not in problems]
        if not rows:
            return BatchResult(problems)
        try:
            begun = self._import(batch, rows)
        except RefusedError as refused:
            if refused.reply.status not in _REFUSED_FOR_ITS_ROWS:
                raise error_of(refused.reply, "Import") from refused
            begun, long_rows = self._import_the_short(batch, rows)
            problems = {**problems, **dict.fromkeys(long_rows, LONG_ADDRESS)}
        self._notes[begun.activity_id] = _Note(begun.taken_for, problems)
        return Job(begun.activity_id, sure=begun.taken_for is None)

    def look_up(self, batch: Batch) -> Leavers:
        """See `Destination.look_up`."""
        rows, absent, unknown = [], [], []
        for row in batch.rows:
            if self._api.stop.is_set():
                raise CixError(STOPPED, "Stopped while people who are to leave were looked up.")
            if batch.list_id in self._listed:
                # The rows have the ids of the listing; of whom it did not show, nothing else is known.
                contact_id = row.platform_id
            else:
                contact = contact_of(self._api, row.email_key, row.platform_id)
                contact_id = id_on_list(contact, batch.list_id)
                if contact is None:
                    unknown.append(row.email_key)
            if contact_id is None:
                absent.append(row.email_key)
            else:
                rows.append(replace(row, platform_id=contact_id))
        return Leavers(rows, absent, unknown)

    def unsubscribe(self, batch: Batch) -> BatchResult:
        """See `Destination.unsubscribe`; who is not on the list stays subscribed to the account's others."""
        problems: dict[str, RowProblem] = {}
        absent: list[str] = []
        unknown: list[str] = []
        done: list[str] = []
        for row in batch.rows:
            try:
                contact = look_up(self._api, row.email_key)
                if contact is None:
                    unknown.append(row.email_key)
                elif is_unsubscribed(contact):
                    continue
                elif is_deleted(contact) or id_on_list(contact, batch.list_id) is None:
                    absent.append(row.email_key)
                elif problem := unsubscribe(self._api, contact):
                    problems[row.email_key] = problem
                else:
                    done.append(row.email_key)
            except CixError as error:
                # Whom we have just unsubscribed must not be taken for people who left by themselves.
                asked = [*done, *([row.email_key] if error.in_doubt else [])]
                raise BrokenOffError(error, asked, Leavers((), [*absent, *unknown], unknown)) from error
        return BatchResult(problems, absent=[*absent, *unknown], unknown=unknown)

    def members(self, list_id: str) -> Iterator[Member]:
        """See `Destination.members`; one listing of the whole account tells both who is on the list and who is not."""
        query = {"status": "all", "include": "list_memberships", "limit": 500}
        for contact in pages(self._api, "/contacts", "contacts", query):
            email = address_of(contact)
            if email:
                yield Member(email, on_list=is_on(contact, list_id), platform_id=contact["contact_id"])

    def ids(self, list_id: str) -> Iterator[tuple[str, str]]:
        """See `Destination.ids`."""
        yield from self._on(list_id)
        self._listed.add(list_id)

    def poll(self, job_ids: Collection[str]) -> Mapping[str, Any]:
        """See `JobDestination.poll`."""
        return self._activities.poll(job_ids)

    def unfinished(self, since: float) -> Collection[str]:
        """See `JobDestination.unfinished`."""
        return self._activities.unfinished(since)

    def settle(self, batch: Batch, answer: Any) -> BatchResult:
        """See `JobDestination.settle`; the counters say how many rows did not land, reading back says which."""
        activity_id = answer["activity_id"]
        # Of an activity that an earlier process has begun nothing is noted: then the counters do not fit the rows.
        begun_here = activity_id in self._notes
        note = self._notes.pop(activity_id, _Note())
        if answer["state"] != "completed":
            raise CixError(JOB_FAILED, f"Activity {activity_id} ended as `{answer['state']}`.")
        if note.taken_for is not None and not note.taken_for.may_be(answer):
            raise _mistaken(activity_id)
        if batch.action is Action.REMOVE:
            sure = begun_here and note.taken_for is None and all_done(answer)
            return BatchResult({} if sure else self._still_on(batch))
        rows = batch.rows
        if note.problems:
            rows = [row for row in rows if row.email_key not in note.problems]
        landed = self._landed(batch, rows, answer, picked_up=note.taken_for is not None)
        warnings = ["A row was refused, and the platform does not tell which."] * landed.unnamed
        if batch.action is Action.UPDATE and batch.list_id in self._mapped:
            kept = [row for row in rows if row.email_key not in landed.problems]
            warnings += self._clearing.clear(
                kept,
                *self._mapped[batch.list_id],
                list_id=self._import_list(batch),
                since=written_since(answer, batch.sent_at),
            )
        return BatchResult({**note.problems, **landed.problems}, warnings=warnings, platform_ids=landed.contact_ids)

    def finish_list(self, list_id: str) -> None:
        """Empty the list that changes have passed through, and remember which custom fields were filled."""
        self._names.remember()
        self._transit.empty(list_id)

    def _held_back(self, batch: Batch) -> dict[str, RowProblem]:
        """Return the rows that must not be sent, or need not."""
        held_back: dict[str, RowProblem] = {}
        if self._refuses_long_addresses:
            held_back = {row.email_key: LONG_ADDRESS for row in batch.rows if len(row.email_key) > SHORT_ADDRESS}
        if batch.action is Action.UPDATE:
            deleted = self._deleted.among([row.email_key for row in batch.rows])
            held_back.update(dict.fromkeys(deleted, DELETED))
        return held_back

    def _import(self, batch: Batch, rows: Sequence[StagedRow]) -> Begun:
        body = self._body([row.payload for row in rows], self._import_list(batch))
        return self._activities.begin(Order("contacts_json_import", body, "person_count", len(rows)))

    def _import_the_short(self, batch: Batch, rows: Sequence[StagedRow]) -> tuple[Begun, list[str]]:
        """Send a refused import again without its long addresses, in case it was refused for them."""
        short = [row for row in rows if len(row.email_key) <= SHORT_ADDRESS]
        if not short:
            raise BatchRefusedError(LONG_ADDRESS)
        if len(short) == len(rows):
            raise BatchRefusedError(_REFUSED)
        try:
            begun = self._import(batch, short)
        except RefusedError as refused:
            if refused.reply.status in _REFUSED_FOR_ITS_ROWS:
                raise BatchRefusedError(_REFUSED) from refused
            raise error_of(refused.reply, "Import") from refused
        self._refuses_long_addresses = True
        return begun, [row.email_key for row in rows if len(row.email_key) > SHORT_ADDRESS]

    def _landed(self, batch: Batch, rows: Sequence[StagedRow], activity: Any, *, picked_up: bool) -> Landed:
        if not picked_up and all_landed(activity, len(rows)):
            return Landed()
        email_keys = [row.email_key for row in rows]
        landed = self._read_back.landed(
            activity,
            email_keys,
            self._import_list(batch),
            batch.sent_at,
            counted=not picked_up,
            joins=batch.action is Action.CREATE,
        )
        if picked_up and len(landed.problems) == len(rows):
            raise _mistaken(activity["activity_id"])
        return landed

    def _remove(self, batch: Batch) -> str:
        """Begin to take people off the list whom `look_up` has found on it, and return the activity's id."""
        ids = [row.platform_id for row in batch.rows]
        body = msgspec.json.encode({"source": {"contact_ids": ids}, "list_ids": [batch.list_id]})
        try:
            begun = self._activities.begin(Order("remove_list_memberships", body, "list_count", len(ids)))
        except RefusedError as refused:
            raise error_of(refused.reply, "Taking people off the list") from refused
        self._notes[begun.activity_id] = _Note(begun.taken_for)
        return begun.activity_id

    def _still_on(self, batch: Batch) -> dict[str, RowProblem]:
        """Return who is on the list after an activity that was to take them off and does not say that it has."""
        if len(batch.rows) <= _SINGLE_LOOK_UPS:
            ids = {row.email_key: id_on_list(contact_of(self._api, row.email_key), batch.list_id) for row in batch.rows}
            there = {email_key for email_key, contact_id in ids.items() if contact_id is not None}
        else:
            there = {email_key for email_key, _ in self._on(batch.list_id)}
        return {row.email_key: STILL_ON_LIST for row in batch.rows if row.email_key in there}

    def _on(self, list_id: str) -> Iterator[tuple[str, str]]:
        """Yield the address and the id of everybody on a list."""
        query = {"lists": list_id, "status": "all", "include": "list_memberships", "limit": 500}
        for contact in pages(self._api, "/contacts", "contacts", query):
            if list_id in contact.get("list_memberships", ()):
                yield address_of(contact), contact["contact_id"]

    def _import_list(self, batch: Batch) -> str:
        return self._transit.list_id(batch.list_id) if batch.action is Action.UPDATE else batch.list_id

    def _body(self, rows: Sequence[bytes], list_id: str) -> bytes:
        end: dict[str, Any] = {"list_ids": [list_id]}
        if self._sms_permission != "not_set":
            end["sms_permission_to_send"] = self._sms_permission
        return b'{"import_data":[' + b",".join(rows) + b"]," + msgspec.json.encode(end)[1:]


def _mistaken(activity_id: str) -> CixError:
    return CixError(JOB_FAILED, f"Activity {activity_id} was taken for an order without an answer, and is not it.")
