"""The plan in a file beside the ledger: what is sent is read from it, and what a killed run had in flight."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec

from audience_sdk.contact import StagedRow
from audience_sdk.errors import LEDGER_UNUSABLE, CixError
from audience_sdk.ledger.blocks import Blocks, clear_file_errors, cut
from audience_sdk.ledger.database import make_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from audience_sdk.ledger.store import JournalledBatch

PlannedRow = tuple[str, str | None, str, tuple[int, ...], bytes, int, bool]
"""The key of the contact, the address as it is sent if it is not the key itself, the profile's key in its stream, the
run's numbers of the segments that feed the person (that of the row first), the JSON of the row, its hash, and whether
the contact may come back to a list that it has left."""

REWRITTEN = ".partial"
"""The end of the name of a plan that `forget` writes anew."""


class _Block(msgspec.Struct, array_like=True):
    """Rows of one list that have one action; without rows it is the end of the plan."""

    list_no: int
    action: str
    rows: list[PlannedRow]


class _Index:
    """Where the blocks of one list and action are, in the order of the keys."""

    def __init__(self) -> None:
        self.places = array("Q")
        self.last_keys: list[str] = []


_BLOCKS = msgspec.msgpack.Decoder(_Block)
_NAMES = msgspec.msgpack.Decoder(list[str])
_KEY = itemgetter(0)
_END = _Block(0, "", [])
_STAGED_ROW = partial(tuple.__new__, StagedRow)  # as `_make`, which is written in Python


class PlannedRows:
    """The planned rows of one run, by list and action, each in the order of `email_key`.

    Args:
        path: The file; made, for its owner alone, if it does not exist.
        names: Names of the streams, by the run's numbers of the segments.

    Raises:
        CixError: `DISK_FULL`.
    """

    def __init__(self, path: Path, names: Sequence[str] = ()) -> None:
        self.path = path
        self.names: Sequence[str] = names
        make_private(path)
        with clear_file_errors(path):
            self._blocks = Blocks(path.open("r+b", buffering=0), path)
        self._index: defaultdict[tuple[int, str], _Index] = defaultdict(_Index)

    @classmethod
    def of_past_run(cls, path: Path) -> PlannedRows:
        """Open the plan that a killed run has left.

        Args:
            path: The file.

        Raises:
            CixError: `LEDGER_UNUSABLE` if it is damaged, or was not written to its end.
        """
        rows = cls(path)
        try:
            rows._read_index()
        except CixError:
            rows.close()
            raise
        return rows

    def _read_index(self) -> None:
        places = self._blocks.places()
        names: list[str] = self._blocks.read(next(places, 0), _NAMES)
        self.names = names
        ended = False
        for place in places:
            block = self._blocks.read(place, _BLOCKS)
            ended = not block.rows
            if block.rows:
                self._note(block, place)
        if not ended:
            raise CixError(LEDGER_UNUSABLE, f"`{self.path}` was not written to its end.")

    def begin(self) -> None:
        """Begin the file with what its rows refer to."""
        self._blocks.append(self.names)

    def write(self, list_no: int, action: str, rows: Sequence[PlannedRow]) -> None:
        """Write rows after those with the same list and action.

        Args:
            list_no: The ledger's number of the list.
            action: An `Action`'s value, or another kind of row that is not sent.
            rows: The rows, in the order of their keys.

        Raises:
            CixError: `DISK_FULL`.
        """
        for part in cut(rows):
            block = _Block(list_no, action, list(part))
            self._note(block, self._blocks.append(block))

    def end(self) -> None:
        """Note that the plan is whole."""
        self._blocks.append(_END)

    def _note(self, block: _Block, place: int) -> None:
        index = self._index[block.list_no, block.action]
        index.places.append(place)
        index.last_keys.append(block.rows[-1][0])

    def rows(
        self, list_no: int, action: str, *, first_key: str = "", last_key: str | None = None
    ) -> Iterator[StagedRow]:
        """Yield the rows of a list that have one action, in the order of `email_key`.

        Args:
            list_no: The ledger's number of the list.
            action: As they were written.
            first_key: Begin with this `email_key`.
            last_key: End with this `email_key`.

        Yields:
            The rows.
        """
        names = self.names
        for rows in self._read(list_no, action, first_key, last_key):
            yield from [
                _STAGED_ROW(
                    (key, email or key, row_key, names[segments[0]] if segments else "", payload, None, returns, digest)
                )
                for key, email, row_key, segments, payload, digest, returns in rows
            ]

    def rows_of(self, batch: JournalledBatch) -> Iterator[StagedRow]:
        """Yield the rows of a batch in the journal.

        Args:
            batch: The batch.
        """
        return self.rows(batch.list_no, batch.action, first_key=batch.first_key, last_key=batch.last_key)

    def segments_of(self, list_no: int, action: str, email_key: str) -> set[str]:
        """Return the segments that feed a planned person into a list.

        Args:
            list_no: The ledger's number of the list.
            action: The action that was planned.
            email_key: The key of the contact.
        """
        parts = self._read(list_no, action, email_key, email_key)
        return {self.names[segment] for rows in parts for row in rows for segment in row[3]}

    def _read(self, list_no: int, action: str, first_key: str, last_key: str | None) -> Iterator[list[PlannedRow]]:
        index = self._index[list_no, action]
        for number in range(bisect_left(index.last_keys, first_key), len(index.places)):
            rows = self._blocks.read(index.places[number], _BLOCKS).rows
            begin = bisect_left(rows, first_key, key=_KEY)
            end = None if last_key is None else bisect_right(rows, last_key, key=_KEY)
            yield rows[begin:end]
            if last_key is not None and index.last_keys[number] >= last_key:
                return

    def copy_to(self, other: PlannedRows, but: str) -> int:
        """Write the plan into another file, without one person.

        Args:
            other: The empty plan of the other file.
            but: The key of the person.

        Returns:
            How many rows were left out.
        """
        left_out = 0
        other.begin()
        for (list_no, action), index in self._index.items():
            for place in index.places:
                rows = self._blocks.read(place, _BLOCKS).rows
                kept = [row for row in rows if row[0] != but]
                left_out += len(rows) - len(kept)
                other.write(list_no, action, kept)
        other.end()
        return left_out

    def close(self) -> None:
        """Let go of the file, which stays where it is."""
        self._blocks.close()


def forget(path: Path, email_key: str) -> int:
    """Erase a person from the plan that a killed run has left; a damaged one, of no use to anybody, is erased whole.

    The caller holds the run's lock.

    Args:
        path: The file.
        email_key: The key of the contact.

    Returns:
        In how many rows the person was.
    """
    try:
        past = PlannedRows.of_past_run(path)
    except CixError as error:
        if error.code is not LEDGER_UNUSABLE:
            raise
        path.unlink()
        return 0
    without = path.with_name(path.name + REWRITTEN)
    without.unlink(missing_ok=True)
    kept = PlannedRows(without, past.names)
    try:
        found = past.copy_to(kept, email_key)
    finally:
        kept.close()
        past.close()
    without.replace(path)
    return found
