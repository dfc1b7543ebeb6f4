"""The listings of a list's subscribers by state."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from cix_sandbox.campaign_monitor import errors, paging
from cix_sandbox.campaign_monitor.call import find_list
from cix_sandbox.campaign_monitor.errors import ApiError
from cix_sandbox.campaign_monitor.reading import Reader
from cix_sandbox.campaign_monitor.scans import ORDERS
from cix_sandbox.campaign_monitor.wire import Answer

if TYPE_CHECKING:
    from cix_sandbox.campaign_monitor.call import Call
    from cix_sandbox.campaign_monitor.states import State

_DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")
_BEGINNING = 0


def list_subscribers(state: State, call: Call) -> Answer:
    """Tell a page of those in a state."""
    target = find_list(call)
    page = paging.read_page(call.query, orders=ORDERS, default="date")
    since = _read_date(call.query.text("date"))
    if since != _BEGINNING and call.text("date_filter") == "exclusive":
        since += 1
    subscribers, total = call.backend.scans.page(target.no, state, since, page)
    call.rows = len(subscribers)
    reader = Reader(
        call.connection,
        target,
        brackets=call.flag("read_key_brackets"),
        tracking=call.query.flag("includetrackingpreference"),
        mobile=call.query.flag("includesmspreference"),
    )
    return Answer(page.envelope(reader.items(subscribers), total))


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
