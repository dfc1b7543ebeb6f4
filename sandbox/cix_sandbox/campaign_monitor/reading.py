"""What is told about subscribers: the item of every read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from cix_sandbox.campaign_monitor.call import fields_of, stamp
from cix_sandbox.campaign_monitor.states import State
from cix_sandbox.campaign_monitor.values import Values

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from cix_sandbox.campaign_monitor.call import MailingList
    from cix_sandbox.campaign_monitor.roll import Subscriber

_read_fields = msgspec.json.Decoder(Values).decode


class Reader:
    """Makes the items of one list."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        target: MailingList,
        *,
        brackets: bool,
        tracking: bool,
        mobile: bool,
    ) -> None:
        """Read the list's fields.

        Args:
            connection: The store.
            target: The list.
            brackets: Whether custom field keys are told as `[key]`, else as the field's name.
            tracking: Whether consent to tracking is told.
            mobile: Whether consent to text messages is told, where there is a mobile number.
        """
        self._connection = connection
        self._client_no = target.client_no
        self._keys = {
            field.no: field.key if brackets else field.name for field in fields_of(connection, target.no).values()
        }
        self._tracking = tracking
        self._mobile = mobile

    def items(self, subscribers: Sequence[Subscriber]) -> list[dict[str, Any]]:
        """Return the items of subscribers, in their order."""
        consents: dict[str, str] = {}
        if self._tracking:
            consents = no_consents(self._connection, self._client_no, [known.key for known in subscribers])
        return [self._item(known, consents) for known in subscribers]

    def _item(self, known: Subscriber, consents: dict[str, str]) -> dict[str, Any]:
        item = {
            "EmailAddress": known.email,
            "Name": known.name,
            "Date": stamp(known.changed),
            "ListJoinedDate": stamp(known.joined),
            "State": State(known.state).label,
            "CustomFields": self._values(known.fields),
            "ReadsEmailWith": "",
        }
        if known.mobile:
            item["MobileNumber"] = known.mobile
            if self._mobile:
                item["ConsentToSendSms"] = known.sms
        if self._tracking:
            item["ConsentToTrack"] = consents.get(known.key, "Yes")
        return item

    def _values(self, stored: str) -> list[dict[str, str]]:
        """Return one pair per value; a field with several options comes several times."""
        values = _read_fields(stored)
        return [
            {"Key": key, "Value": value}
            for no, key in self._keys.items()
            if no in values
            for value in _as_list(values[no])
        ]


def _as_list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def no_consents(connection: sqlite3.Connection, client_no: int, keys: Iterable[str]) -> dict[str, str]:
    """Return the consent to tracking of those who did not say yes."""
    rows = connection.execute(
        """SELECT key, track FROM cm_no_consent
        WHERE client_no = ? AND key IN (SELECT value FROM json_each(?))""",
        (client_no, json.dumps(list(keys))),
    )
    return {row["key"]: row["track"] for row in rows}
