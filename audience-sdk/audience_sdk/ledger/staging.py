"""The ledger's passing part: the contacts of one run, staged on disk, and their difference to what is confirmed."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec

from audience_sdk.ledger.difference import Comparison
from audience_sdk.ledger.known import KnownPeople
from audience_sdk.ledger.planned import PlannedRows
from audience_sdk.ledger.sorting import Scratch, SortedRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from audience_sdk.contact import StagedRow
    from audience_sdk.ledger.difference import DiffCounts, DiffRules, Part
    from audience_sdk.ledger.sorting import NewRow
    from audience_sdk.ledger.store import JournalledBatch, Ledger

_WRITE_ROWS = 20_000
_WRITE_BYTES = 16_777_216
"""So many rows, or so much JSON, are in memory before they are written."""

_KEY = itemgetter(0)
_MEMBERSHIPS = msgspec.msgpack.Decoder(list[tuple[int, list[str]]])


def staged_path(ledger: Path, run_id: str) -> Path:
    """Return the file of a run's planned rows, beside the ledger.

    Args:
        ledger: The ledger's file.
        run_id: The run.
    """
    return ledger.with_name(f"{ledger.name}.staged-{run_id}")


class Staging:
    """The staged rows of one run, and the plan that is made of them.

    The rows are in a file without a name, gone when the process ends. The plan has a file beside the ledger, erased
    when the run ends; a run that was killed leaves it behind, so that the next one can tell what was in flight.

    Args:
        ledger: The ledger.
        run_id: The run.

    Raises:
        CixError: `DISK_FULL`.
    """

    def __init__(self, ledger: Ledger, run_id: str) -> None:
        self.path = staged_path(ledger.path, run_id)
        self._ledger = ledger
        self._names: list[str] = []
        self._plan = PlannedRows(self.path)
        self._scratch = Scratch(self.path)
        self._staged: defaultdict[int, SortedRows] = defaultdict(lambda: SortedRows(self._scratch.blocks))
        self._unwritten_rows = 0
        self._unwritten_bytes = 0
        self._joined: defaultdict[int, list[int]] = defaultdict(list)
        self._left: defaultdict[int, list[int]] = defaultdict(list)
        self._people_of: dict[tuple[int, str], int] = {}

    def segment_no(self, segment: str) -> int:
        """Return the run's number of a segment.

        Args:
            segment: Name of the stream.
        """
        if segment not in self._names:
            self._names.append(segment)
        return self._names.index(segment)

    def add(self, list_no: int, rows: Iterable[NewRow]) -> None:
        """Stage rows, after those before them in the stream.

        Args:
            list_no: The ledger's number of the list.
            rows: The rows.

        Raises:
            CixError: `DISK_FULL`.
        """
        new = list(rows)
        self._staged[list_no].add(new)
        self._unwritten_rows += len(new)
        self._unwritten_bytes += sum(len(row[4]) for row in new if row[4] is not None)
        if self._unwritten_rows >= _WRITE_ROWS or self._unwritten_bytes >= _WRITE_BYTES:
            self._write()

    def _write(self) -> None:
        for staged in self._staged.values():
            staged.write()
        self._unwritten_rows = self._unwritten_bytes = 0

    def diff(self, list_nos: Iterable[int], rules: DiffRules) -> dict[int, DiffCounts]:
        """Compare the staged contacts with the confirmed ones and keep what is to be done.

        Args:
            list_nos: The ledger's numbers of the lists that segments went to.
            rules: What the difference depends on besides.

        Returns:
            The counts by the ledger's number of the list.

        Raises:
            CixError: `DISK_FULL`.
        """
        counts = {list_no: self._diff_list(list_no, rules) for list_no in list_nos}
        self._plan.end()
        return counts

    def _diff_list(self, list_no: int, rules: DiffRules) -> DiffCounts:
        comparison = Comparison(rules)
        people = KnownPeople(self._ledger, list_no, self._names, rules.complete if rules.removes else None)
        after: str | None = ""
        for rows in self._staged[list_no].in_order():
            staged = rows
            while staged and after is not None:
                known, fed, last = people.between(after, staged[-1][0])
                cut = bisect_right(staged, last, key=_KEY)
                self._keep(list_no, comparison.part(staged[:cut], known, fed))
                staged, after = staged[cut:], last
        while after is not None:
            known, fed, after = people.between(after, None)
            self._keep(list_no, comparison.part([], known, fed))
        for segment, count in comparison.people_of.items():
            self._people_of[list_no, self._names[segment]] = count
        return comparison.counts

    def _keep(self, list_no: int, part: Part) -> None:
        for kind, rows in part.planned.items():
            self._plan.write(list_no, kind, rows)
        for by_segment, places in ((part.joined, self._joined), (part.left, self._left)):
            if by_segment:
                places[list_no].append(self._scratch.blocks.append(list(by_segment.items())))

    def people(self) -> int:
        """Return how many different addresses are staged, over all lists; reads them all anew."""
        keys = merge(*(self._keys(staged) for staged in self._staged.values()))
        return sum(1 for _ in groupby(keys))

    @staticmethod
    def _keys(staged: SortedRows) -> Iterator[str]:
        for rows in staged.in_order():
            yield from (row[0] for row in rows if row[4] is not None)

    def people_of(self, list_no: int, segment: str) -> int:
        """Return how many different addresses of a segment are staged for a list.

        Args:
            list_no: The ledger's number of the list.
            segment: Name of the stream.
        """
        return self._people_of.get((list_no, segment), 0)

    def segments_of(self, row: StagedRow) -> list[str]:
        """Return the segments that feed a planned person into a list, that of the row first.

        Args:
            row: A row of this run's plan.
        """
        return [self._names[segment] for segment in row.segments]

    def joined(self, list_no: int) -> Iterator[tuple[str, list[str]]]:
        """Yield segments, and people whom they have not fed into a list before, as keys of contacts.

        Args:
            list_no: The ledger's number of the list.
        """
        return self._memberships(self._joined[list_no])

    def left(self, list_no: int) -> Iterator[tuple[str, list[str]]]:
        """Yield segments, and people whom they have fed into a list before and feed no more, as keys of contacts.

        Args:
            list_no: The ledger's number of the list.
        """
        return self._memberships(self._left[list_no])

    def _memberships(self, places: Iterable[int]) -> Iterator[tuple[str, list[str]]]:
        for place in places:
            for segment, email_keys in self._scratch.blocks.read(place, _MEMBERSHIPS):
                yield self._names[segment], email_keys

    def planned(self, list_no: int, action: str) -> Iterator[StagedRow]:
        """Yield the rows of a list that have one action, in the order of `email_key`.

        Args:
            list_no: The ledger's number of the list.
            action: An `Action`'s value, `HELD_SUPPRESSED`, `HELD_AWAY` or `DUPLICATE`.
        """
        return self._plan.rows(list_no, action)

    def rows_of(self, batch: JournalledBatch) -> Iterator[StagedRow]:
        """Yield the rows of a batch in the journal.

        Args:
            batch: The batch.
        """
        return self._plan.rows_of(batch)

    def close(self) -> None:
        """Let go of the files; that of the plan stays where it is."""
        self._scratch.close()
        self._plan.close()

    def erase(self) -> None:
        """Let go of the files and erase them from the disk."""
        self.close()
        self.path.unlink(missing_ok=True)
