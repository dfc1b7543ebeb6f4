"""What a segment is to this tap, wherever it is read from, and how the user's choice of segments is resolved."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from audience_sdk.errors import SEGMENT_UNKNOWN, CixError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tap_cix_segments.data_types import DataType
    from tap_cix_segments.report import SegmentReport


@dataclass(frozen=True)
class Column:
    """One column of a segment.

    Attributes:
        name: Its name, never altered.
        data_type: The data type of its values.
    """

    name: str
    data_type: DataType


@dataclass(frozen=True)
class Segment:
    """A named set of profiles.

    Attributes:
        name: The name of its table in Customer Insights, which is the name of its Singer stream.
        columns: The columns of its profiles.
        key_properties: The names of the columns that tell its profiles apart; may be empty.
        refreshed_at: When Customer Insights last refreshed it, with an offset; None where the source cannot say.
        active: Whether Customer Insights still refreshes it; None where the source cannot say.
    """

    name: str
    columns: tuple[Column, ...]
    key_properties: tuple[str, ...]
    refreshed_at: datetime | None = field(default=None, kw_only=True)
    active: bool | None = field(default=None, kw_only=True)

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of a record."""
        return {"type": "object", "properties": {column.name: column.data_type.schema for column in self.columns}}


class Batch(NamedTuple):
    """Some profiles of a segment, held by column.

    Attributes:
        columns: For each column that was asked for, the values of all profiles.
        size: Number of profiles.
        share: How much of the segment has been read with them, from 0 to 1; None if not known.
    """

    columns: list[Sequence[Any]]
    size: int
    share: float | None


class Source(Protocol):
    """Where segments come from."""

    def segments(self) -> Sequence[Segment]:
        """Return all segments that the source has.

        Raises:
            CixError: The source cannot be read.
        """

    def content_mark(self, segment: Segment) -> str | None:
        """Return a text that is the same for as long as a segment's content is the same.

        Args:
            segment: One of `segments()`.

        Returns:
            By default the time of its last refresh; None where the source has nothing to go by, so that the segment is
            never skipped.
        """
        return segment.refreshed_at.isoformat() if segment.refreshed_at else None

    def read(self, segment: Segment, columns: Sequence[Column], report: SegmentReport) -> Iterator[Batch]:
        """Read a segment; what cannot be read goes to the report, and the rest is still read.

        Args:
            segment: One of `segments()`.
            columns: Which of its columns are wanted.
            report: Is told what could not be read.

        Yields:
            The profiles, in any number of batches.
        """


def choose_segments(segments: Sequence[Segment], patterns: Iterable[str] | None) -> list[Segment]:
    """Return the segments that the user asked for.

    Args:
        segments: All segments of the source.
        patterns: Names, or patterns with `*`, `?` and `[...]`; None for all.

    Returns:
        The chosen segments, in the order of the source.

    Raises:
        CixError: `SEGMENT_UNKNOWN`, when a name or pattern matches no segment.
    """
    if patterns is None:
        return list(segments)
    names = [segment.name for segment in segments]
    chosen: set[str] = set()
    for pattern in patterns:
        matches = [pattern] if pattern in names else [name for name in names if fnmatchcase(name, pattern)]
        if not matches:
            raise unknown_segment(pattern, names, "the setting `segments`")
        chosen.update(matches)
    return [segment for segment in segments if segment.name in chosen]


def unknown_segment(name: str, names: Sequence[str], asked_by: str) -> CixError:
    """Return the error for a segment that does not exist, with the nearest name that does.

    Args:
        name: The name asked for.
        names: The names that exist.
        asked_by: Where the user asked for it.

    Returns:
        The error, to be raised.
    """
    by_lower_case = {known.casefold(): known for known in names}
    nearest = get_close_matches(name.casefold(), by_lower_case, n=1, cutoff=0.5)
    hint = f" The nearest name is `{by_lower_case[nearest[0]]}`." if nearest else ""
    return CixError(SEGMENT_UNKNOWN, f"{asked_by} asks for the segment `{name}`, which the source does not have.{hint}")
