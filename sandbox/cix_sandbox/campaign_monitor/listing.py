"""The listings of a list's subscribers by state."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from cix_sandbox.campaign_monitor import errors, paging
from cix_sandbox.campaign_monitor.call import find_list
from cix_sandbox.campaign_monitor.errors import ApiError
from cix_sandbox.campaign_monitor.reading import Reader
from cix_sandbox.campaign_monitor.wire import Answer

if TYPE_CHECKING:
    from cix_sandbox.campaign_monitor.call import Call
    from cix_sandbox.campaign_monitor.states import State

_ORDERS = {"email": "key", "name": "name", "date": "changed"}
_DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")
_BEGINNING = 0


def list_subscribers(state: State, call: Call) -> Answer:
    """Tell a page of those in a state."""
    target = find_list(call)
    page = paging.read_page(call.query, orders=_ORDERS, default="date")
    since = _read_date(call.query.text("date"))
    if since != _BEGINNING and call.text("date_filter") == "exclusive":
        since += 1
    where = (target.no, state, since)
    (total,) = call.connection.execute(
        "SELECT COUNT(*) FROM cm_subscriber WHERE list_no = ? AND state = ? AND changed >= ?", where
    ).fetchone()
    rows = call.connection.execute(
        f"""SELECT * FROM cm_subscriber WHERE list_no = ? AND state = ? AND changed >= ?
        ORDER BY {page.sql(_ORDERS)} LIMIT ? OFFSET ?""",  # noqa: S608  (terms are ours, see `_ORDERS`)
        (*where, page.size, page.offset),
    ).fetchall()
    call.rows = len(rows)
    reader = Reader(
        call.connection,
        target,
        brackets=call.flag("read_key_brackets"),
        tracking=call.query.flag("includetrackingpreference"),
        mobile=call.query.flag("includesmspreference"),
    )
    return Answer(page.envelope(reader.items(rows), total))


def _read_date(text: str) -> int:
    """Return a date of the query in whole seconds since 1970; an empty one is the beginning."""
    if not text:
        return _BEGINNING
    for form in _DATE_FORMATS:
        try:
            moment = datetime.strptime(text, form).replace(tzinfo=timezone.utc)
        except ValueError:
            continue
        return int(moment.timestamp())
    raise ApiError(errors.INVALID_DATE)
