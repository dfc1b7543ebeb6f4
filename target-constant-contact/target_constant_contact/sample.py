"""A sample of confirmed rows compared with what the platform holds: what it has dropped without a word is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_constant_contact.contacts import look_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from audience_sdk.contact import StagedRow
    from audience_sdk.http import Api

    from target_constant_contact.fields import Field

_TEXTS = {"string", "text_area"}
"""Types whose values come back as they were sent; how others are written back is not documented."""

_NAMES = ("first_name", "last_name", "job_title", "company_name")


def differences(
    api: Api, rows: Sequence[StagedRow], fields: Mapping[str, Field], field_ids: Mapping[str, str]
) -> Iterator[str]:
    """Yield a sentence for each value that the platform does not hold.

    Args:
        api: The API.
        rows: Confirmed rows.
        fields: The account's custom fields by id.
        field_ids: The ids of mapped custom fields, by their key.

    Raises:
        CixError: If the platform does not answer.
    """
    for row in rows:
        contact = look_up(api, row.email_key, "custom_fields")
        sent = msgspec.json.decode(row.payload, type=dict[str, Any])
        if contact is None:
            yield "a person is not there."
            continue
        held = {each["custom_field_id"]: each.get("value") for each in contact.get("custom_fields") or ()}
        for name in _NAMES:
            if name in sent and contact.get(name) != sent[name]:
                yield f"`{name}` is not what was sent."
        for key, field_id in field_ids.items():
            if key not in sent or field_id not in fields:
                continue
            field = fields[field_id]
            if not held.get(field_id):
                yield f"`{field.name}` is empty though a value was sent."
            elif field.kind in _TEXTS and held[field_id] != sent[key]:
                yield f"`{field.name}` is not what was sent."
