"""Fills the join: memberships and profiles, each read once, from their beginning again if Dataverse breaks off."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from audience_sdk.errors import READ_NOT_RESUMED, SETTING_INVALID, CixError

from tap_cix_segments.dataverse.client import PAGE_SIZE, LinkExpiredError
from tap_cix_segments.dataverse.memberships import (
    counts_as_customer,
    parse_segments,
    previous_ids,
    same_provider,
)
from tap_cix_segments.dataverse.metadata import (
    CUSTOMER_ID,
    MEMBERSHIP_TYPE,
    MEMBERSHIPS,
    PREVIOUS_ID,
    PROFILES,
    PROVIDER,
    SEGMENT_NAMES,
)
from tap_cix_segments.progress import Progress

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterator, Sequence

    from tap_cix_segments.dataverse.client import Dataverse
    from tap_cix_segments.dataverse.join import Join
    from tap_cix_segments.dataverse.metadata import Attribute, Table

READS_OF_A_TABLE = 3
"""So often a table is read from its beginning before the run is given up.

A link to the next page is good for one order and state of a table, and for some time; a read that breaks off is begun
anew, never resumed behind the break, so that no row is lost or doubled. Nothing has left the tap by then.
"""
LOOKUP_LIMIT = 2_000
"""Up to so many members, their profiles are looked up by id; for more, the table of profiles is read whole.

By `LOOKUP_GROUP` these are 20 requests at most, as many as the whole table takes from 100,000 profiles on (20 pages of
5,000 rows). With fewer profiles, reading all would be quicker by some requests, but would fetch the data of people whom
nobody asked for.
"""
LOOKUP_GROUP = 100
"""Ids in one look-up: conditions joined with `or`, of which Dataverse takes 500, in a URL of some 8,000 characters, of
which it takes 32,768."""
PREVIOUS_GROUP = 50
"""Ids in one look-up by a former id, whose conditions are twice as long."""
FILTERED_SEGMENTS = 20
"""Up to so many segments, only their memberships are read; for more, all are."""
PROBE_ROWS = 100
PROBE_PAGES = 20
"""So far, in pages of `PROBE_ROWS`, a row is looked for that names a segment as the metadata does."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+")


class Reading:
    """Reads the two tables.

    Args:
        dataverse: The Web API.
        join: Takes what is read.
        logger: Is told how far the reading is.
        provider: Count the memberships of this provider alone.

    Attributes:
        unreadable: Number of membership rows that could not be read.
    """

    def __init__(self, dataverse: Dataverse, join: Join, logger: logging.Logger, provider: str | None) -> None:
        self._dataverse = dataverse
        self._join = join
        self._logger = logger
        self._provider = provider
        self._provider_seen = False
        self.unreadable = 0

    def memberships(self, table: Table, segments: Collection[str] | None = None) -> None:
        """Read who is in which segment.

        Args:
            table: The membership table.
            segments: Only these are wanted; all if None.

        Raises:
            CixError: The table could not be read to its end.
        """
        options = membership_options(table, segments)

        def begin() -> None:
            self._join.forget_members()
            self.unreadable = 0

        def take(page: list[dict[str, Any]]) -> None:
            self._take_members(page, segments)

        self._from_the_beginning(begin, lambda: self._pages(table, options, "Memberships"), take, MEMBERSHIPS)

    def some_memberships(self, table: Table, segment: str, count: int) -> None:
        """Read some members of one segment, for a connection test.

        Args:
            table: The membership table.
            segment: The segment.
            count: How many rows to ask for at a time, until there are members.

        Raises:
            CixError: The table cannot be read.
        """
        options = membership_options(table, {segment})
        with suppress(LinkExpiredError):
            for page in self._dataverse.pages(table.entity_set, options, table=table.name, size=count):
                self._take_members(page, {segment})
                if self._join.members(segment):
                    break

    def names_any(self, table: Table, names: Collection[str]) -> bool:
        """Say whether the memberships that count call segments by these names, as far as their first rows tell.

        Args:
            table: The membership table.
            names: Names of segments.

        Raises:
            CixError: The table cannot be read.
        """
        pages = self._dataverse.pages(table.entity_set, membership_options(table), table=table.name, size=PROBE_ROWS)
        with suppress(LinkExpiredError):
            for page in islice(pages, PROBE_PAGES):
                members, _ = self._members(page, names)
                if members:
                    return True
        return False

    def check_provider(self, table: Table) -> None:
        """See that there are rows of the provider, once memberships have been read.

        Args:
            table: The membership table.

        Raises:
            CixError: `SETTING_INVALID` if there is none, or the table cannot be read.
        """
        if self._provider is None or self._provider_seen:
            return
        options = {**membership_options(table), "$top": str(PROBE_ROWS)}
        only = {**options, "$filter": f"{PROVIDER} eq {literal(self._provider)}"}
        if any(same_provider(row.get(PROVIDER), self._provider) for row in self._some_rows(table, only)):
            return
        others = sorted({str(row[PROVIDER]) for row in self._some_rows(table, options) if row.get(PROVIDER)})
        named = ", ".join(f"`{name}`" for name in others) or "no provider"
        message = (
            f"No row of {table.name} has the provider `{self._provider}` of the setting `segment_provider`; the first"
            f" rows have {named}."
        )
        raise CixError(SETTING_INVALID, message)

    def _some_rows(self, table: Table, options: dict[str, str]) -> list[dict[str, Any]]:
        rows = self._dataverse.get(f"/{table.entity_set}", options, table=table.name).get("value")
        return rows if isinstance(rows, list) else []

    def profiles(self, table: Table, attributes: Sequence[Attribute], wanted: int) -> None:
        """Read the profiles of the customers that the join wants.

        Args:
            table: The profile table.
            attributes: The columns to read.
            wanted: Number of these customers.

        Raises:
            CixError: The table could not be read to its end.
        """
        select = profile_select(table, attributes)
        names = [attribute.name for attribute in attributes]

        def take(page: list[dict[str, Any]]) -> None:
            self._join.add_profiles(
                (str(row[CUSTOMER_ID]), previous_ids(row.get(PREVIOUS_ID)), [text_of(row.get(name)) for name in names])
                for row in page
                if row.get(CUSTOMER_ID)
            )

        def pages() -> Iterator[list[dict[str, Any]]]:
            if wanted > LOOKUP_LIMIT:
                yield from self._pages(table, {"$select": select}, "Profiles")
            else:
                yield from self._look_up(table, select)

        if wanted:
            self._from_the_beginning(self._join.forget_profiles, pages, take, PROFILES)
        self._join.follow_successors()

    def _look_up(self, table: Table, select: str) -> Iterator[list[dict[str, Any]]]:
        """Look up those whose profile is not here: by their id, then as one that a profile had before."""
        lookups = [(LOOKUP_GROUP, f"{CUSTOMER_ID} eq {{}}")]
        if table.has(PREVIOUS_ID):
            lookups.append((PREVIOUS_GROUP, f"contains({PREVIOUS_ID},{{}})"))
        for size, condition in lookups:
            for ids in self._join.wanted_ids(size):
                conditions = " or ".join(condition.format(literal(customer)) for customer in ids)
                options = {"$select": select, "$filter": conditions}
                yield from self._dataverse.pages(table.entity_set, options, table=table.name)

    def _take_members(self, page: list[dict[str, Any]], segments: Collection[str] | None) -> None:
        members, unreadable = self._members(page, segments)
        self._join.add_members(members)
        self.unreadable += unreadable

    def _members(
        self, page: list[dict[str, Any]], segments: Collection[str] | None
    ) -> tuple[list[tuple[str, tuple[str, ...]]], int]:
        """Return the members on a page with their segments, and the number of rows that cannot be read."""
        members, unreadable = [], 0
        for row in page:
            if self._provider is not None and not same_provider(row.get(PROVIDER), self._provider):
                continue
            self._provider_seen = True
            try:
                names = _names_of(row)
            except ValueError:
                unreadable += 1
                continue
            if segments is not None:
                names = tuple(name for name in names if name in segments)
            if names:
                members.append((str(row[CUSTOMER_ID]), names))
        return members, unreadable

    def _pages(self, table: Table, options: dict[str, str], what: str) -> Iterator[list[dict[str, Any]]]:
        progress = Progress(what, self._logger)
        for page in self._dataverse.pages(table.entity_set, options, table=table.name, size=PAGE_SIZE):
            yield page
            progress.advance(len(page), None)
        progress.end(complete=True)

    def _from_the_beginning(
        self,
        begin: Callable[[], None],
        pages: Callable[[], Iterator[list[dict[str, Any]]]],
        take: Callable[[list[dict[str, Any]]], None],
        table: str,
    ) -> None:
        for attempt in range(1, READS_OF_A_TABLE + 1):
            begin()
            try:
                for page in pages():
                    take(page)
            except LinkExpiredError as error:
                reason = str(error)
                if attempt < READS_OF_A_TABLE:
                    self._logger.warning("Reading %s broke off (%s); it begins anew.", table, reason)
            else:
                return
        message = f"The reading of {table} broke off {READS_OF_A_TABLE} times ({reason})."
        raise CixError(READ_NOT_RESUMED, message)


def _names_of(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the segments of a row of the memberships; none if it is not about a unified profile."""
    if not counts_as_customer(row.get(MEMBERSHIP_TYPE)):
        return ()
    names = parse_segments(row.get(SEGMENT_NAMES))
    if names and not row.get(CUSTOMER_ID):
        raise ValueError("segments of nobody")
    return names


def membership_options(table: Table, segments: Collection[str] | None = None) -> dict[str, str]:
    """Return the query options for memberships.

    The filter is only there to read less: it can match too many rows (it takes no notice of case, `_` is a wildcard in
    it, one name can be part of another), so names are compared exactly afterwards. It must never match too few; so it
    is left out where a name has characters that JSON may write in another way.

    Args:
        table: The membership table.
        segments: Only these are wanted; all if None.
    """
    columns = [CUSTOMER_ID, SEGMENT_NAMES]
    columns += [name for name in (PROVIDER, MEMBERSHIP_TYPE) if table.has(name)]
    options = {"$select": ",".join(columns)}
    if segments is not None and 0 < len(segments) <= FILTERED_SEGMENTS and all(map(_PLAIN_NAME.fullmatch, segments)):
        conditions = " or ".join(f"contains({SEGMENT_NAMES},{literal(name)})" for name in sorted(segments))
        options["$filter"] = conditions
    return options


def profile_select(table: Table, attributes: Sequence[Attribute]) -> str:
    """Return the `$select` for profiles: the columns that are wanted, and what the join needs.

    Args:
        table: The profile table.
        attributes: The columns that are wanted.
    """
    identities = [CUSTOMER_ID, *([PREVIOUS_ID] if table.has(PREVIOUS_ID) else [])]
    return ",".join(dict.fromkeys([*identities, *(attribute.name for attribute in attributes)]))


def literal(text: str) -> str:
    """Return a text as OData writes it.

    Args:
        text: Any text.
    """
    return "'" + text.replace("'", "''") + "'"


def text_of(value: Any) -> str:
    """Return a value of a JSON row as the text that a CSV export would hold, so that all sources read values alike.

    Args:
        value: The value; numbers with a fraction are texts already.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
