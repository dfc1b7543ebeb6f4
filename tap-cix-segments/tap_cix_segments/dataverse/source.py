"""The source `dataverse`: segments out of the membership table, joined with the table of profiles."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from audience_sdk.errors import (
    MEMBERSHIP_UNREADABLE,
    PROFILE_MISSING,
    READ_NOT_RESUMED,
    SEGMENT_WITHOUT_MEMBERS,
    CixError,
)
from typing_extensions import override

from tap_cix_segments.auth import EntraAuth
from tap_cix_segments.data_types import read_column
from tap_cix_segments.dataverse.client import Dataverse
from tap_cix_segments.dataverse.join import Join
from tap_cix_segments.dataverse.metadata import (
    CUSTOMER_ID,
    MEMBERSHIPS,
    PROFILES,
    PROVIDER,
    SEGMENT_NAMES,
    Attribute,
    SegmentFacts,
    Table,
    profile_attributes,
    refreshes,
)
from tap_cix_segments.dataverse.reading import LOOKUP_GROUP, READS_OF_A_TABLE, Reading
from tap_cix_segments.dataverse.settings import DataverseSettings
from tap_cix_segments.dataverse.tables import find_table, segment_facts
from tap_cix_segments.model import IDENTITIES
from tap_cix_segments.segment import Batch, Column, Segment, Source, unknown_segment

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from tap_cix_segments.report import SegmentReport


@dataclass(frozen=True)
class DataverseSegment(Segment):
    """A segment in Dataverse.

    Attributes:
        display_name: The name that users of Customer Insights see; None if not known.
    """

    display_name: str | None = None

    @property
    @override
    def schema(self) -> dict[str, Any]:
        """JSON Schema of a record, with the display name as its title."""
        return {**super().schema, **({"title": self.display_name} if self.display_name else {})}


class DataverseSource(Source):
    """Segments of a live environment.

    Args:
        config: The tap's settings, already checked against their JSON Schema.
        logger: Is told how the reading goes on.
        selection: Gives the columns of each segment that this run is to read, once that is known.

    Raises:
        CixError: A setting is wrong, or this machine lacks what the login needs.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        logger: logging.Logger,
        selection: Callable[[], Mapping[str, Collection[str]]],
    ) -> None:
        self._settings = DataverseSettings.of(config)
        self._logger = logger
        self._selection = selection
        auth = EntraAuth(config, self._settings.scope)
        self._dataverse = Dataverse(self._settings.organization_url, auth, auth.renew)
        self._has_memberships = False
        self._read: tuple[Attribute, ...] | None = None

    @override
    def segments(self) -> Sequence[DataverseSegment]:
        """Return the segments: those of the metadata table, else those that have members.

        Raises:
            CixError: A right or a table is missing, or `segments` names a segment that is not there.
        """
        columns = tuple(attribute.column for attribute in self._attributes)
        names = sorted(self._names())
        if not names:
            raise CixError(SEGMENT_WITHOUT_MEMBERS, f"The table {MEMBERSHIPS} names no segment at all.")
        return [self._segment(name, columns) for name in names]

    def _segment(self, name: str, columns: tuple[Column, ...]) -> DataverseSegment:
        facts = (self._facts or {}).get(name, SegmentFacts())
        return DataverseSegment(
            name,
            columns,
            IDENTITIES[:1],
            refreshed_at=facts.refreshed_at,
            active=facts.active,
            display_name=facts.display_name,
        )

    @override
    def content_mark(self, segment: Segment) -> str | None:
        """Return None: no time in Dataverse tells when the profiles of a segment last changed.

        Its refresh comes before the sync to Dataverse, and the profiles of a static segment change without a refresh.
        """
        return None

    @override
    def read(self, segment: Segment, columns: Sequence[Column], report: SegmentReport) -> Iterator[Batch]:
        """Read a segment; the first call of a run reads the tables for all segments of the run.

        Args:
            segment: One of `segments()`.
            columns: Which of its columns are wanted.
            report: Is told what could not be read.

        Yields:
            The profiles.

        Raises:
            CixError: A table could not be read to its end.
        """
        if report.raises_errors:  # a connection test, which asks for some rows only
            yield from self._sample(segment, columns, report)
            return
        if self._read is None:
            self._read_all()
        self._report_losses(segment, self._join, self._reading, report)
        yield from self._batches(self._join, segment, columns, self._read or (), report)

    @cached_property
    def _join(self) -> Join:
        return Join()

    @cached_property
    def _reading(self) -> Reading:
        return Reading(self._dataverse, self._join, self._logger, self._settings.provider)

    @cached_property
    def _profiles(self) -> Table:
        return find_table(self._dataverse, PROFILES, [CUSTOMER_ID])

    @cached_property
    def _memberships(self) -> Table:
        needed = [CUSTOMER_ID, SEGMENT_NAMES, *([PROVIDER] if self._settings.provider else [])]
        return find_table(self._dataverse, MEMBERSHIPS, needed)

    @cached_property
    def _attributes(self) -> tuple[Attribute, ...]:
        return profile_attributes(self._profiles)

    @cached_property
    def _facts(self) -> dict[str, SegmentFacts] | None:
        return segment_facts(self._dataverse, self._logger)

    def _names(self) -> Collection[str]:
        """Return the names of the segments, reading the memberships only where nothing else tells them."""
        named = self._settings.named
        if self._facts is None and self._settings.names_only:
            return dict.fromkeys(named)  # whether they have members shows when they are read
        known = dict.fromkeys(self._facts or ())
        if self._facts is None or any(name not in known for name in named):
            self._read_memberships(None)
            known.update(dict.fromkeys(self._join.segments))
        for name in named:
            if name not in known:
                if self._facts is not None:
                    raise unknown_segment(name, list(known), "the setting `segments`")
                known[name] = None
        return known

    def _read_memberships(self, segments: Collection[str] | None) -> None:
        """Read the memberships of a run, once; anew if Customer Insights refreshed segments in the meantime."""
        if self._has_memberships:
            return
        for _ in range(READS_OF_A_TABLE):
            self._reading.memberships(self._memberships, segments)
            if not self._has_refreshed():
                break
            self._logger.warning("Segments were refreshed while %s was read; it is read anew.", MEMBERSHIPS)
        else:
            message = f"Segments were refreshed during each of {READS_OF_A_TABLE} readings of {MEMBERSHIPS}."
            raise CixError(READ_NOT_RESUMED, message)
        self._reading.check_provider(self._memberships)
        self._has_memberships = True

    def _has_refreshed(self) -> bool:
        """Say whether the metadata table tells other refreshes than before, and take over what it tells."""
        before = refreshes(self._facts)
        if not before:
            return False
        self._facts = segment_facts(self._dataverse, self._logger)
        return refreshes(self._facts) != before

    def _read_all(self) -> None:
        """Read memberships and profiles of all segments of the run."""
        selection = self._selection()
        self._read_memberships(selection.keys())
        selected = {column for columns in selection.values() for column in columns}
        attributes = tuple(a for a in self._attributes if a.column.name in selected)
        self._reading.profiles(self._profiles, attributes, self._join.want(selection))
        self._read = attributes

    def _report_losses(self, segment: Segment, join: Join, reading: Reading, report: SegmentReport) -> None:
        if reading.unreadable:
            message = f"{reading.unreadable:,} rows name their segments or their type in a way that is not known."
            report.rows_lost(reading.unreadable, MEMBERSHIPS, CixError(MEMBERSHIP_UNREADABLE, message))
        if not join.members(segment.name) and not self._is_known_to_be_empty(segment):
            message = "no row of it names this segment."
            report.partition_lost(MEMBERSHIPS, CixError(SEGMENT_WITHOUT_MEMBERS, message))
        without = join.members_without_profile(segment.name)
        if without and self._settings.skip_members_without_profile:
            self._logger.warning(
                "Segment %s: %s members have no profile and are left out.", segment.name, f"{without:,}"
            )
        elif without:
            message = f"{without:,} members have no profile there."
            report.rows_lost(without, PROFILES, CixError(PROFILE_MISSING, message))

    def _is_known_to_be_empty(self, segment: Segment) -> bool:
        """Say whether a segment without members can be believed to have none.

        The metadata table must list it, as active where it tells states, and must call segments by the names that the
        memberships have: else the memberships may not be synced yet, or not any more, or the names be of another kind.
        """
        facts = (self._facts or {}).get(segment.name)
        return facts is not None and facts.may_be_empty and self._names_are_those_of_memberships

    @cached_property
    def _names_are_those_of_memberships(self) -> bool:
        """Whether rows that count as memberships name segments of the metadata table."""
        known = (self._facts or {}).keys()
        return not known.isdisjoint(self._join.segments) or self._reading.names_any(self._memberships, known)

    def _sample(self, segment: Segment, columns: Sequence[Column], report: SegmentReport) -> Iterator[Batch]:
        """Read some members of a segment, to see that everything can be read."""
        with closing(Join()) as join:
            yield from self._sample_into(join, segment, columns, report)

    def _sample_into(
        self, join: Join, segment: Segment, columns: Sequence[Column], report: SegmentReport
    ) -> Iterator[Batch]:
        names = {column.name for column in columns}
        attributes = tuple(a for a in self._attributes if a.column.name in names)
        reading = Reading(self._dataverse, join, self._logger, self._settings.provider)
        reading.some_memberships(self._memberships, segment.name, LOOKUP_GROUP)
        reading.check_provider(self._memberships)
        reading.profiles(self._profiles, attributes, join.want([segment.name]))
        self._report_losses(segment, join, reading, report)
        yield from self._batches(join, segment, columns, attributes, report)

    def _batches(
        self,
        join: Join,
        segment: Segment,
        columns: Sequence[Column],
        attributes: Sequence[Attribute],
        report: SegmentReport,
    ) -> Iterator[Batch]:
        position = {attribute.column.name: place for place, attribute in enumerate(attributes)}
        wanted = [(column, position[column.name]) for column in columns]
        total, done = join.members(segment.name), 0
        for rows in join.profiles(segment.name):
            texts = list(zip(*rows, strict=True))
            values = []
            for column, place in wanted:
                read, misfits = read_column(texts[place], column.data_type)
                if misfits:
                    numbers = [done + row + 1 for row in misfits]
                    report.odd_values(
                        PROFILES, numbers, column.name, f"is not {column.data_type.name}; it is sent as null"
                    )
                values.append(read)
            done += len(rows)
            yield Batch(values, len(rows), done / total)
