"""Campaign Monitor as a destination: its limits as data, and the few calls that an export needs."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING, ClassVar

import msgspec
from audience_sdk.contact import Action, RowProblem, email_key_of
from audience_sdk.destination import (
    BatchRefusedError,
    BatchResult,
    BrokenOffError,
    Destination,
    Leavers,
    Limits,
    Member,
    PlatformList,
)
from audience_sdk.errors import CONFIRMATION_EMAILS, CixError
from audience_sdk.http import CHECK_ATTEMPTS

from target_campaign_monitor import customfields
from target_campaign_monitor.answers import code_of, error_of, import_result, leaving_problem, may_be_taken_off
from target_campaign_monitor.codes import DELETED, HELD_BACK, NOT_ON_LIST
from target_campaign_monitor.paging import pages
from target_campaign_monitor.payload import CONSENT_WORDS, row_encoder, values_of
from target_campaign_monitor.readback import differences_of
from target_campaign_monitor.suppression import SuppressionList

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from audience_sdk.contact import Contact, StagedRow
    from audience_sdk.destination import Batch, CustomField, EncodedRow
    from audience_sdk.fields import WantedField
    from audience_sdk.http import Api, Reply
    from audience_sdk.mapping import FieldMapping

STANDARD_FIELDS = {
    "name": "Column of the full name.",
    "first_name": "Column of the first name; joined with `last_name` where `name` is not mapped or empty.",
    "last_name": "Column of the last name.",
    "mobile_number": "Column of the mobile number, with `+` and country code.",
    "consent_to_send_sms": "Column of the consent to text messages; needs `mobile_number`.",
}

# No journeys, no automatic mails.
_BODY_START = (
    b'{"QueueSubscriptionBasedAutoResponders":false,"RestartSubscriptionBasedAutoresponders":false,"Subscribers":['
)
# Whoever left by their own act stays away.
_NEVER_RESUBSCRIBE = b'],"Resubscribe":false}'
# Only for people whom we took off the list ourselves.
_RESUBSCRIBE = b'],"Resubscribe":true}'
_ALL_CLIENT_LISTS = "AllClientLists"
_UNSUBSCRIBING = (
    "the list's unsubscribe setting is `AllClientLists`, so whoever is unsubscribed from it is unsubscribed from the"
    " client's other lists too and goes on its suppression list. `on_leave: remove` does neither."
)
_STATES = ("active", "unconfirmed", "unsubscribed", "bounced", "deleted")


class CampaignMonitor(Destination):
    """The adapter to Campaign Monitor's API v3.3.

    Args:
        api: The API.
        consent_to_track: `yes`, `no`, `unchanged`, or the column that says it.
        allow_confirmation_emails: Whether lists may be filled that mail everybody who joins.
    """

    # 1,000 rows is the platform's bound; the body's is not published, 4 MB is the reference's advice, as are 4 at once.
    limits: ClassVar[Limits] = Limits(
        rows=1_000, body_bytes=4_000_000, email_length=254, calls=4, in_flight=4, removals=50
    )
    standard_fields: ClassVar[Collection[str]] = (*STANDARD_FIELDS, "consent_to_track")

    def __init__(self, api: Api, consent_to_track: str, *, allow_confirmation_emails: bool = False) -> None:
        self._allow_confirmation_emails = allow_confirmation_emails
        self._api = api
        self._suppressed = SuppressionList(api)
        self._heeding: set[str] = set()
        self._consent = CONSENT_WORDS.get(consent_to_track.casefold())
        if self._consent is None:
            self.column_settings: Mapping[str, str] = {"consent_to_track": consent_to_track}

    def check(self) -> str:
        """See `Destination.check`; the account's clock is the cheapest call and holds no secret."""
        reply = self._api.call("GET", "/systemdate.json", attempts=CHECK_ATTEMPTS)
        told = reply.json()
        if not reply.ok or not isinstance(told, dict) or "SystemDate" not in told:
            raise error_of(reply, "Checking the credentials")
        return "Campaign Monitor"

    def describe_list(self, list_id: str) -> PlatformList:
        """See `Destination.describe_list`."""
        reply = self._api.call("GET", f"/lists/{list_id}.json")
        details = reply.json()
        if not reply.ok or not isinstance(details, dict) or "Title" not in details:
            raise error_of(reply, f"List {list_id}")
        if details.get("ConfirmedOptIn") and not self._allow_confirmation_emails:
            raise CixError(CONFIRMATION_EMAILS, f"List {list_id} asks everybody who joins to confirm by e-mail.")
        shares = details.get("UnsubscribeSetting") == _ALL_CLIENT_LISTS
        if shares:
            self._heeding.add(list_id)
        fields = customfields.read_fields(self._api, list_id)
        return PlatformList(list_id, str(details["Title"]), fields, _UNSUBSCRIBING if shares else "")

    def row_encoder(self, platform_list: PlatformList, mapping: FieldMapping) -> Callable[[Contact], EncodedRow]:
        """See `Destination.row_encoder`."""
        grows = platform_list.options_grow
        return row_encoder(platform_list.custom_fields, mapping, self._consent, options_grow=grows)

    def body_overhead(self, list_id: str) -> int:  # noqa: ARG002 - the list is in the path
        """See `Destination.body_overhead`."""
        return len(_body([], resubscribe=False))

    def send(self, batch: Batch) -> BatchResult:
        """See `Destination.send`; an import is an upsert that answers once everything is stored.

        Whoever is on the client's suppression list is not let in, though the platform may do so for an address that is
        new to the list. Somebody whom we have deleted from the list and who comes back fails the first pass, which
        never resubscribes. They are sent again, this time with the permission to resubscribe, unless they are
        suppressed. Whatever goes wrong from then on, the first pass has stored its rows.
        """
        if batch.action is Action.REMOVE:
            return self._leave(batch, "DELETE")
        held = self._held_back(batch)
        rows = [row for row in batch.rows if row.email_key not in held]
        if not rows:
            return BatchResult(held, 0)
        first = self._import(replace(batch, rows=rows), resubscribe=False)
        try:
            deleted = [row for row in rows if first.problems.get(row.email_key) is DELETED]
            returning = self._returning(batch.list_id, deleted)
            second = self._let_back(replace(batch, rows=returning)) if returning else BatchResult()
        except CixError as error:
            error.in_doubt = True
            raise
        back = {row.email_key for row in returning}
        stay = {key: problem for key, problem in first.problems.items() if key not in back}
        return BatchResult(
            {**held, **stay, **second.problems},
            (first.created or 0) + len(returning) - len(second.problems),
            warnings=(*first.warnings, *second.warnings),
        )

    def _let_back(self, batch: Batch) -> BatchResult:
        """Import people with the permission to resubscribe; a refusal is halved here, as the first pass is stored."""
        try:
            return self._import(batch, resubscribe=True)
        except BatchRefusedError as refused:
            if len(batch.rows) == 1:
                return BatchResult({batch.rows[0].email_key: refused.problem})
        middle = len(batch.rows) // 2
        one, other = (self._let_back(replace(batch, rows=half)) for half in (batch.rows[:middle], batch.rows[middle:]))
        return BatchResult({**one.problems, **other.problems}, warnings=(*one.warnings, *other.warnings))

    def _held_back(self, batch: Batch) -> dict[str, RowProblem]:
        """Return those who would join a list that heeds the suppression list, and are on it."""
        if batch.action is not Action.CREATE or batch.list_id not in self._heeding:
            return {}
        suppressed = self._suppressed.of_list(batch.list_id) or ()
        return {row.email_key: HELD_BACK for row in batch.rows if row.email_key in suppressed}

    def _returning(self, list_id: str, deleted: list[StagedRow]) -> list[StagedRow]:
        """Return those of the deleted people who may come back: we took them off, and they are not suppressed."""
        ours = [row for row in deleted if row.returns]
        suppressed = self._suppressed.of_list(list_id) if ours else None
        return [] if suppressed is None else [row for row in ours if row.email_key not in suppressed]

    def unsubscribe(self, batch: Batch) -> BatchResult:
        """See `Destination.unsubscribe`."""
        return self._leave(batch, "POST")

    def fold_field(self, name: str) -> str:
        """See `Destination.fold_field`."""
        return customfields.fold_key(name)

    def design_field(self, wanted: WantedField) -> CustomField:
        """See `Destination.design_field`."""
        return customfields.design_field(wanted)

    def create_field(self, list_id: str, design: CustomField) -> CustomField:
        """See `Destination.create_field`."""
        return customfields.create_field(self._api, list_id, design)

    def add_options(self, list_id: str, field: CustomField, options: Sequence[str]) -> None:
        """See `Destination.add_options`; the platform drops segment rules that use the field."""
        customfields.add_options(self._api, list_id, field, options)

    def values_of(self, payload: bytes) -> Iterable[tuple[str, str]]:
        """See `Destination.values_of`."""
        return values_of(payload)

    def read_back(self, list_id: str, rows: Sequence[StagedRow]) -> Iterable[str]:
        """See `Destination.read_back`."""
        return differences_of(self._api, list_id, rows)

    def members(self, list_id: str) -> Iterator[Member]:
        """See `Destination.members`."""
        for state in _STATES:
            for person in pages(self._api, f"/lists/{list_id}/{state}.json"):
                yield Member(email_key_of(person["EmailAddress"]), on_list=state == "active")

    def _import(self, batch: Batch, *, resubscribe: bool) -> BatchResult:
        body = _body([row.payload for row in batch.rows], resubscribe=resubscribe)
        return import_result(batch, self._api.call("POST", f"/subscribers/{batch.list_id}/import.json", body=body))

    def _leave(self, batch: Batch, method: str) -> BatchResult:
        """Take people off the list one by one, since there is no call for many."""
        leave = self._delete_one if method == "DELETE" else self._unsubscribe_one
        problems: dict[str, RowProblem] = {}
        found: dict[_Found, list[str]] = {each: [] for each in _Found}
        for row in batch.rows:
            try:
                left = leave(batch.list_id, row)
            except CixError as error:
                # Whom we have just taken off must not be taken for people who left by themselves, nor these for them.
                asked = [*found[_Found.ON_LIST], *([row.email_key] if error.in_doubt else [])]
                unknown = found[_Found.UNKNOWN]
                raise BrokenOffError(error, asked, Leavers((), [*found[_Found.ABSENT], *unknown], unknown)) from error
            if isinstance(left, RowProblem):
                problems[row.email_key] = left
            else:
                found[left].append(row.email_key)
        unknown = found[_Found.UNKNOWN]
        return BatchResult(problems, absent=[*found[_Found.ABSENT], *unknown], unknown=unknown)

    def _delete_one(self, list_id: str, row: StagedRow) -> RowProblem | _Found:
        """Take a person off the list, unless they are off it already.

        Deleting somebody who has unsubscribed may make them deleted, as if we had taken them off: then nothing but a
        list that feeds the suppression list would remember their own act.

        Returns:
            Whether they were on it, or what went wrong.
        """
        look = self._look_at(list_id, row)
        looked = may_be_taken_off(row, look)
        if isinstance(looked, RowProblem):
            return looked
        if not looked:
            return _found_off(look)
        reply = self._api.call("DELETE", f"/subscribers/{list_id}.json", params={"email": row.email})
        # An attempt before may have been what took them off.
        on_list = reply.ok or reply.repeated
        return leaving_problem(row, reply) or (_Found.ON_LIST if on_list else _Found.ABSENT)

    def _unsubscribe_one(self, list_id: str, row: StagedRow) -> RowProblem | _Found:
        body = msgspec.json.encode({"EmailAddress": row.email})
        reply = self._api.call("POST", f"/subscribers/{list_id}/unsubscribe.json", body=body)
        problem = leaving_problem(row, reply)
        if problem is not None:
            return problem
        return _Found.ON_LIST if reply.ok or reply.repeated else _found_off(self._look_at(list_id, row))

    def _look_at(self, list_id: str, row: StagedRow) -> Reply:
        return self._api.call("GET", f"/subscribers/{list_id}.json", params={"email": row.email})


class _Found(Enum):
    """Where somebody was who was to leave a list."""

    ON_LIST = auto()
    ABSENT = auto()
    """The list has known them, and had let them go before."""
    UNKNOWN = auto()
    """The list has never known them."""


def _found_off(look: Reply) -> _Found:
    """Return what a look at somebody says who is not on the list."""
    return _Found.UNKNOWN if code_of(look) == NOT_ON_LIST else _Found.ABSENT


def _body(rows: list[bytes], *, resubscribe: bool) -> bytes:
    return _BODY_START + b",".join(rows) + (_RESUBSCRIBE if resubscribe else _NEVER_RESUBSCRIBE)
