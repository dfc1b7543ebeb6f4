"""The bare trial with the engine's check of addresses, and with values looked at as it does.

    python -m benchmarks.checked_trial FOLDER < lines

The rows are not the engine's to the byte: dates stay as they are written. Still no row is accounted for, and nothing
confirmed.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from audience_sdk.contact import InvalidEmailError, normalise_email
from audience_sdk.fitting import fit_date, fit_length, fit_number
from audience_sdk.mapping import as_text

from benchmarks.bare_trial import encode, main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bare_trial import Message


def rows(messages: list[Message]) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield key, hash and payload of each profile that has a valid address, with values that fit."""
    warnings: list[str] = []
    for message in messages:
        profile = message.record
        if profile is None:
            continue
        try:
            email, key = normalise_email(as_text(profile.e_mail))
        except InvalidEmailError:
            continue
        names = as_text(profile.first_name), as_text(profile.last_name)
        city, points, day = as_text(profile.city), as_text(profile.loyalty_points), as_text(profile.last_purchase)
        payload = encode(
            {
                "EmailAddress": email,
                "ConsentToTrack": "Yes",
                "Name": " ".join(filter(None, names)),
                "CustomFields": [
                    _element("[City]", fit_length("City", city, 250, warnings)),
                    _element("[LoyaltyPoints]", points and fit_number("LoyaltyPoints", points, warnings)),
                    _element("[LastPurchase]", day[:10] if day and fit_date("LastPurchase", day, warnings) else ""),
                ],
            }
        )
        yield key, hashlib.blake2b(payload, digest_size=8).digest(), payload


def _element(key: str, value: str) -> dict[str, str | bool]:
    return {"Key": key, "Value": value} if value else {"Key": key, "Value": "", "Clear": True}


if __name__ == "__main__":
    main(Path(sys.argv[1]), rows)
