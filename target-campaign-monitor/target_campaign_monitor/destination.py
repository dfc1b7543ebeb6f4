"""Campaign Monitor as a destination: its limits as data, and the few calls that an export needs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import msgspec
from audience_sdk.contact import Action, email_key_of
from audience_sdk.destination import BatchResult, CustomField, Destination, Limits, Member, PlatformList
from audience_sdk.errors import CONFIRMATION_EMAILS, CixError
from audience_sdk.http import CHECK_ATTEMPTS

from target_campaign_monitor.answers import DELETED, error_of, import_result, leaving_problem
from target_campaign_monitor.paging import pages
from target_campaign_monitor.payload import CONSENT_WORDS, row_encoder
from target_campaign_monitor.suppression import SuppressionList

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from audience_sdk.contact import Contact
    from audience_sdk.destination import Batch, EncodedRow
    from audience_sdk.http import Api
    from audience_sdk.mapping import FieldMapping

STANDARD_FIELDS = {
    "name": "Column of the full name.",
    "first_name": "Column of the first name; joined with `last_name` where `name` is not mapped or empty.",
    "last_name": "Column of the last name.",
}

# No journeys, no automatic mails.
_BODY_START = (
    b'{"QueueSubscriptionBasedAutoResponders":false,"RestartSubscriptionBasedAutoresponders":false,"Subscribers":['
)
# Whoever left by their own act stays away.
_NEVER_RESUBSCRIBE = b'],"Resubscribe":false}'
# Only for people whom we took off the list ourselves.
_RESUBSCRIBE = b'],"Resubscribe":true}'
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
        self._consent = CONSENT_WORDS.get(consent_to_track.casefold())
        if self._consent is None:
            self.column_settings: Mapping[str, str] = {"consent_to_track": consent_to_track}

    def check(self) -> str:
        """See `Destination.check`; the account's clock is the cheapest call and holds no secret."""
        reply = self._api.call("GET", "/systemdate.json", attempts=CHECK_ATTEMPTS)
        if not reply.ok:
            raise error_of(reply, "Checking the API key")
        return "Campaign Monitor"

    def describe_list(self, list_id: str) -> PlatformList:
        """See `Destination.describe_list`."""
        details = self._api.call("GET", f"/lists/{list_id}.json")
        if not details.ok:
            raise error_of(details, f"List {list_id}")
        if details.json().get("ConfirmedOptIn") and not self._allow_confirmation_emails:
            raise CixError(CONFIRMATION_EMAILS, f"List {list_id} asks everybody who joins to confirm by e-mail.")
        fields = self._api.call("GET", f"/lists/{list_id}/customfields.json")
        if not fields.ok:
            raise error_of(fields, f"Custom fields of list {list_id}")
        return PlatformList(
            list_id,
            details.json()["Title"],
            tuple(
                CustomField(each["FieldName"], each["Key"], each["DataType"], tuple(each.get("FieldOptions") or ()))
                for each in fields.json()
            ),
        )

    def row_encoder(self, platform_list: PlatformList, mapping: FieldMapping) -> Callable[[Contact], EncodedRow]:
        """See `Destination.row_encoder`."""
        return row_encoder(platform_list.custom_fields, mapping, self._consent)

    def body_overhead(self, list_id: str) -> int:  # noqa: ARG002 - the list is in the path
        """See `Destination.body_overhead`."""
        return len(_body([], resubscribe=False))

    def send(self, batch: Batch) -> BatchResult:
        """See `Destination.send`; an import is an upsert that answers once everything is stored.

        Somebody whom we have deleted from the list and who comes back fails the first pass, which never resubscribes.
        They are sent again, this time with the permission to resubscribe, unless the client suppresses them.
        """
        if batch.action is Action.REMOVE:
            return self._leave(batch, "DELETE")
        result = self._import(batch, resubscribe=False)
        returning = [row for row in batch.rows if row.returns and result.problems.get(row.email_key) is DELETED]
        if returning:
            suppressed = self._suppressed.of_list(batch.list_id)
            returning = [row for row in returning if row.email_key not in suppressed]
        if not returning:
            return result
        second = self._import(replace(batch, rows=returning), resubscribe=True)
        back = {row.email_key for row in returning}
        first = {key: problem for key, problem in result.problems.items() if key not in back}
        created = (result.created or 0) + len(returning) - len(second.problems)
        return BatchResult({**first, **second.problems}, created)

    def unsubscribe(self, batch: Batch) -> BatchResult:
        """See `Destination.unsubscribe`."""
        return self._leave(batch, "POST")

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
        problems, absent = {}, []
        for row in batch.rows:
            if method == "DELETE":
                path = f"/subscribers/{batch.list_id}.json"
                reply = self._api.call("DELETE", path, params={"email": row.email})
            else:
                body = msgspec.json.encode({"EmailAddress": row.email})
                reply = self._api.call("POST", f"/subscribers/{batch.list_id}/unsubscribe.json", body=body)
            problem = leaving_problem(reply)
            if problem is not None:
                problems[row.email_key] = problem
            elif not reply.ok and not reply.repeated:
                # An attempt before may have been what took the person off.
                absent.append(row.email_key)
        return BatchResult(problems, absent=absent)


def _body(rows: list[bytes], *, resubscribe: bool) -> bytes:
    return _BODY_START + b",".join(rows) + (_RESUBSCRIBE if resubscribe else _NEVER_RESUBSCRIBE)
