"""The statistics of a list: totals by state and how many came to it lately."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from cix_sandbox.campaign_monitor.call import find_list
from cix_sandbox.campaign_monitor.states import State
from cix_sandbox.campaign_monitor.wire import Answer

if TYPE_CHECKING:
    from cix_sandbox.campaign_monitor.call import Call

_GROUPS = (
    (State.ACTIVE, "TotalActiveSubscribers", "NewActiveSubscribers"),
    (State.UNSUBSCRIBED, "TotalUnsubscribes", "Unsubscribes"),
    (State.DELETED, "TotalDeleted", "Deleted"),
    (State.BOUNCED, "TotalBounces", "Bounces"),
)


def periods(now: datetime) -> dict[str, tuple[datetime, datetime]]:
    """Return the calendar periods of the statistics as [start, end); weeks start on Sunday."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = today + timedelta(days=1)
    return {
        "Today": (today, tomorrow),
        "Yesterday": (today - timedelta(days=1), today),
        "ThisWeek": (today - timedelta(days=(today.weekday() + 1) % 7), tomorrow),
        "ThisMonth": (today.replace(day=1), tomorrow),
        "ThisYear": (today.replace(month=1, day=1), tomorrow),
    }


def read_stats(call: Call) -> Answer:
    """Tell the totals and the numbers of each period."""
    target = find_list(call)
    stats = {}
    spans = periods(datetime.fromtimestamp(call.now, timezone.utc))
    for state, total, prefix in _GROUPS:
        stats[total] = _count(call, target.no, state)
        for name, (start, end) in spans.items():
            stats[f"{prefix}{name}"] = _count(call, target.no, state, int(start.timestamp()), int(end.timestamp()))
    return Answer(stats)


def _count(call: Call, list_no: int, state: State, start: int = 0, end: int = 2**62) -> int:
    row = call.connection.execute(
        """SELECT COUNT(*) FROM cm_subscriber
        WHERE list_no = ? AND state = ? AND changed >= ? AND changed < ?""",
        (list_no, state, start, end),
    ).fetchone()
    return int(row[0])
