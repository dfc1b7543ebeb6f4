"""Campaign Monitor as a destination: its limits as data, and the few calls that an export needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from audience_sdk.destination import CustomField, Destination, Limits, PlatformList
from audience_sdk.http import CHECK_ATTEMPTS

from target_campaign_monitor.answers import error_of, import_result
from target_campaign_monitor.payload import CONSENT_WORDS, row_encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from audience_sdk.contact import Contact
    from audience_sdk.destination import Batch, BatchResult, EncodedRow
    from audience_sdk.http import Api
    from audience_sdk.mapping import FieldMapping

STANDARD_FIELDS = {
    "name": "Column of the full name.",
    "first_name": "Column of the first name; joined with `last_name` where `name` is not mapped or empty.",
    "last_name": "Column of the last name.",
}

_BODY_START = b'{"Subscribers":['
# Never resubscribe: whoever left by their own act stays away. No journeys, no automatic mails.
_BODY_END = (
    b'],"Resubscribe":false,"QueueSubscriptionBasedAutoResponders":false,'
    b'"RestartSubscriptionBasedAutoresponders":false}'
)


class CampaignMonitor(Destination):
    """The adapter to Campaign Monitor's API v3.3.

    Args:
        api: The API.
        consent_to_track: `yes`, `no`, `unchanged`, or the column that says it.
    """

    # 1,000 rows is the platform's bound; the body's is not published, 4 MB is the reference's advice, as are 4 at once.
    limits: ClassVar[Limits] = Limits(rows=1_000, body_bytes=4_000_000, email_length=254, calls=4, in_flight=4)
    standard_fields: ClassVar[Collection[str]] = (*STANDARD_FIELDS, "consent_to_track")

    def __init__(self, api: Api, consent_to_track: str) -> None:
        self._api = api
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
        return len(_BODY_START) + len(_BODY_END)

    def send(self, batch: Batch) -> BatchResult:
        """See `Destination.send`; an import is an upsert that answers once everything is stored."""
        body = _BODY_START + b",".join(row.payload for row in batch.rows) + _BODY_END
        return import_result(batch, self._api.call("POST", f"/subscribers/{batch.list_id}/import.json", body=body))
