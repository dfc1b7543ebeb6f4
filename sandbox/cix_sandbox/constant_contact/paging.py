"""Pages of listings: `limit`, the cursor, and the link to the next page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from cix_sandbox.constant_contact import answers
from cix_sandbox.constant_contact.ids import decode_cursor, encode_cursor

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from cix_sandbox.constant_contact.gate import Call

DEFAULT_LIMIT = 50
DEFAULT_MOST = 500


class Page(NamedTuple):
    """One page of a listing.

    Attributes:
        rows: What is on it.
        next_cursor: Cursor of the page after it; None on the last page.
    """

    rows: list[sqlite3.Row]
    next_cursor: str | None

    def links(self, path: str) -> dict[str, Any]:
        """Return `_links`, which the last page lacks; the address is relative to the host."""
        if self.next_cursor is None:
            return {}
        return {"_links": {"next": {"href": f"{path}?cursor={quote(self.next_cursor)}"}}}


def read(call: Call, most: int = DEFAULT_MOST) -> dict[str, str]:
    """Return the query of a listing with its `limit`; a cursor carries the query it came from.

    Args:
        call: The request.
        most: The largest limit.

    Raises:
        Refusal: The cursor or the limit is not valid.
    """
    query = dict(call.query)
    cursor = query.pop("cursor", None)
    if cursor is not None:
        carried = decode_cursor(cursor)
        if carried is None:
            raise answers.invalid_value("cursor")
        query |= carried
    limit = query.setdefault("limit", str(DEFAULT_LIMIT))
    if not limit.isdecimal() or not 1 <= int(limit) <= most:
        raise answers.invalid_value("limit")
    return query


def page(rows: Sequence[sqlite3.Row], id_column: str, query: dict[str, str]) -> Page:
    """Make a page of rows, of which there is one more than the limit if there is another page."""
    limit = int(query["limit"])
    shown = list(rows[:limit])
    if len(rows) <= limit:
        return Page(shown, None)
    carried = {name: value for name, value in query.items() if name != "next"}
    return Page(shown, encode_cursor(carried, shown[-1][id_column]))
