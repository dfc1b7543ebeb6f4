"""What may become of a contact's permission to be written to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3

UNSUBSCRIBED = "unsubscribed"


def changes(
    row: sqlite3.Row, wanted: str | None, *, source: str, reason: str | None, at: int, new: bool = False
) -> dict[str, Any]:
    """Return the columns that change when a permission is asked for.

    Args:
        row: The contact now.
        wanted: The permission that is asked for; None for no change (a new contact's is implicit).
        source: Who asks: `Account` or `Contact`.
        reason: Why the person unsubscribed.
        at: Seconds since 1970-01-01 UTC.
        new: Whether the contact has just been made.

    Raises:
        ValueError: This change is not possible; the text says why.
    """
    wanted = wanted or row["permission"] or "implicit"
    if not new and wanted == row["permission"]:
        return {}
    if row["permission"] == "explicit" and wanted == "implicit":
        raise ValueError("an explicit permission cannot become implicit")
    if wanted == UNSUBSCRIBED:
        unsubscribed = {"opt_out_source": source, "opt_out_date": at, "opt_out_reason": reason}
        return {"permission": wanted, "confirm_status": "off", **unsubscribed}
    if row["permission"] == UNSUBSCRIBED and row["opt_out_source"] == "Contact" and source == "Account":
        raise ValueError("a contact who unsubscribed can only be resubscribed by themselves")
    return {
        "permission": wanted,
        "confirm_status": "pending" if wanted == "pending_confirmation" else "off",
        "opt_in_source": source,
        "opt_in_date": at,
        "opt_out_source": None,
        "opt_out_date": None,
        "opt_out_reason": None,
    }
