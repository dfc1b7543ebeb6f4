"""What tap and target tell each other through STATE about segments that have not changed.

A tap that can leave out an unchanged segment keeps, in the segment's bookmark, a mark of the content that it read last
(`segment_content`), and says of a segment that it has left out that it has done so (`segment_skipped`). The target lets
a mark pass only if its list holds that very content; else it empties it, so that the tap reads the segment again.
Bookmarks of other kinds are left as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

CONTENT = "segment_content"
SKIPPED = "segment_skipped"


def bookmarks_of(state: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return the bookmarks of a state by segment; whatever is none is left out.

    Args:
        state: The value of a STATE message, or what was kept of one.
    """
    bookmarks = state.get("bookmarks") if isinstance(state, dict) else None
    if not isinstance(bookmarks, dict):
        return {}
    return {segment: dict(mark) for segment, mark in bookmarks.items() if isinstance(mark, dict)}


def contents(state: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the marks of content of a state, by segment.

    Args:
        state: The value of a STATE message.
    """
    return {segment: mark[CONTENT] for segment, mark in bookmarks_of(state).items() if _has_content(mark)}


def skipped(state: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the segments that the tap has left out in this run as unchanged.

    Args:
        state: The value of the run's last STATE message.
    """
    return frozenset(
        segment for segment, mark in bookmarks_of(state).items() if _has_content(mark) and mark.get(SKIPPED) is True
    )


def without_contents(state: Mapping[str, Any], but: Collection[str]) -> dict[str, Any]:
    """Return a state in which the marks of content are empty.

    Empty rather than absent, so that a store which merges states forgets them too.

    Args:
        state: The value of a STATE message.
        but: The segments whose marks stay.
    """
    bookmarks = state.get("bookmarks")
    if not isinstance(bookmarks, dict):
        return dict(state)
    emptied = {
        segment: dict.fromkeys(mark) if isinstance(mark, dict) and CONTENT in mark and segment not in but else mark
        for segment, mark in bookmarks.items()
    }
    return {**state, "bookmarks": emptied}


def _has_content(mark: Mapping[str, Any]) -> bool:
    return isinstance(mark.get(CONTENT), str)
