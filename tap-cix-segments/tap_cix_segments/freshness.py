"""Whether a segment must be read: what its bookmark says against what the source says, and when it is stale."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from audience_sdk.bookmarks import CONTENT, SKIPPED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_cix_segments.segment import Segment

_READ_AT, _REFRESHED_AT = "read_at", "refreshed_at"


def content_of(mark: str | None, *form: Any) -> str | None:
    """Return the mark of the content that a stream would send.

    Args:
        mark: The source's mark of the segment's content.
        form: What else decides on the messages: columns, stream maps.

    Returns:
        A hash; None where the source has no mark.
    """
    return mark and hashlib.sha256(repr((mark, form)).encode()).hexdigest()[:32]


def is_unchanged(bookmark: Mapping[str, Any], content: str | None, now: datetime, read_again_after: timedelta) -> bool:
    """Say whether a segment was read in full with this content, and not too long ago.

    Args:
        bookmark: The segment's bookmark.
        content: The mark of the content now.
        now: The time.
        read_again_after: The longest time without reading it.
    """
    if content is None or bookmark.get(CONTENT) != content:
        return False
    try:
        read_at = datetime.fromisoformat(str(bookmark.get(_READ_AT)))
        return timedelta(0) <= now - read_at < read_again_after
    except (TypeError, ValueError):  # no time, or one without an offset
        return False


@dataclass(frozen=True)
class Reading:
    """A segment that is being read, for its bookmark.

    Attributes:
        content: The mark of its content, taken before it is read; None where there is none.
        read_at: When reading began.
        refreshed_at: When Customer Insights last refreshed it.
    """

    content: str | None
    read_at: datetime
    refreshed_at: datetime | None

    def bookmark(self) -> dict[str, Any]:
        """Return the bookmark of a segment that was read to its end."""
        if self.content is None:
            return {}
        return {
            CONTENT: self.content,
            SKIPPED: False,
            _READ_AT: self.read_at.isoformat(timespec="seconds"),
            _REFRESHED_AT: self.refreshed_at and self.refreshed_at.isoformat(timespec="seconds"),
        }


def staleness(segment: Segment, now: datetime, stale_after_days: int) -> str | None:
    """Return what makes a segment stale, as a sentence; None if nothing does.

    Args:
        segment: The segment.
        now: The time.
        stale_after_days: Days without a refresh after which it is; 0 for never.
    """
    if segment.active is False:
        return f"Segment {segment.name} is not active: Customer Insights does not refresh it."
    if segment.refreshed_at is None or stale_after_days <= 0:
        return None
    days = (now - segment.refreshed_at.astimezone(timezone.utc)).days
    if days < stale_after_days:
        return None
    return f"Segment {segment.name} was last refreshed {days} days ago, on {segment.refreshed_at:%Y-%m-%d}."
