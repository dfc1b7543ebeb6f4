"""The plan in a file beside the ledger: what is sent is read from it, and what a killed run had in flight."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from audience_sdk.contact import StagedRow  # noqa: TC001 - msgspec looks the type up when the program runs
from audience_sdk.errors import LEDGER_UNUSABLE, CixError
from audience_sdk.ledger.blocks import Blocks, clear_file_errors, cut
from audience_sdk.ledger.database import make_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from audience_sdk.ledger.store import JournalledBatch

PlannedRow = tuple[str, str | None, str, tuple[int, ...], bytes, int, bool]
"""A `StagedRow` as it is written: all that it has but the platform's id."""

REWRITTEN = ".partial"
"""The end of the name of a plan that `forget` writes anew."""


class _Block(msgspec.Struct, array_like=True):
    """Rows of one list that have one action; without rows it is the end of the plan."""

    list_no: int
    action: str
    rows: list[StagedRow]


class _Index:
    """Where the blocks of one list and action are, in the order of the keys."""

    def __init__(self) -> None:
        self.places = array("Q")
        self.last_keys: list[str] = []


_BLOCKS = msgspec.msgpack.Decoder(_Block)
_KEY = attrgetter("email_key")
_END = _Block(0, "", [])


class PlannedRows:
    """The planned rows of one run, by list and action, each in the order of `email_key`.

    Args:
        path: The file; made, for its owner alone, if it does not exist.

    Raises:
        CixError: `DISK_FULL`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
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
        ended = False
        for place in self._blocks.places():
            block = self._blocks.read(place, _BLOCKS)
            ended = not block.rows
            if block.rows:
                self._note(block.list_no, block.action, block.rows[-1].email_key, place)
        if not ended:
            raise CixError(LEDGER_UNUSABLE, f"`{self.path}` was not written to its end.")

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
            self._note(list_no, action, part[-1][0], self._blocks.append((list_no, action, part)))

    def end(self) -> None:
        """Note that the plan is whole."""
        self._blocks.append(_END)

    def _note(self, list_no: int, action: str, last_key: str, place: int) -> None:
        index = self._index[list_no, action]
        index.places.append(place)
        index.last_keys.append(last_key)

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
        index = self._index[list_no, action]
        for number in range(bisect_left(index.last_keys, first_key), len(index.places)):
            rows = self._blocks.read(index.places[number], _BLOCKS).rows
            begin = bisect_left(rows, first_key, key=_KEY)
            end = None if last_key is None else bisect_right(rows, last_key, key=_KEY)
            yield from rows[begin:end]
            if last_key is not None and index.last_keys[number] >= last_key:
                return

    def rows_of(self, batch: JournalledBatch) -> Iterator[StagedRow]:
        """Yield the rows of a batch in the journal.

        Args:
            batch: The batch.
        """
        return self.rows(batch.list_no, batch.action, first_key=batch.first_key, last_key=batch.last_key)

    def copy_to(self, other: PlannedRows, but: str) -> int:
        """Write the plan into another file, without one person.

        Args:
            other: The empty plan of the other file.
            but: The key of the person.

        Returns:
            How many rows were left out.
        """
        left_out = 0
        for (list_no, action), index in self._index.items():
            for place in index.places:
                rows = self._blocks.read(place, _BLOCKS).rows
                kept = [structs.astuple(row)[:-1] for row in rows if row.email_key != but]
                left_out += len(rows) - len(kept)
                other.write(list_no, action, kept)
        other.end()
        return left_out

    def close(self) -> None:
        """Let go of the file, which stays where it is."""
        self._blocks.close()


def bounds_without(path: Path, batch: JournalledBatch, email_key: str) -> tuple[str, str] | None:
    """Return the first and the last key of a batch in the plan that a killed run has left, without one person.

    Args:
        path: The file.
        batch: The batch.
        email_key: The key of the person.

    Returns:
        The keys; None if nobody else is in the batch, or the plan is not there or of no use.
    """
    if not path.exists():
        return None
    try:
        plan = PlannedRows.of_past_run(path)
    except CixError as error:
        if error.code is not LEDGER_UNUSABLE:
            raise
        return None
    try:
        keys = [row.email_key for row in plan.rows_of(batch) if row.email_key != email_key]
    finally:
        plan.close()
    return (keys[0], keys[-1]) if keys else None


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
    kept = PlannedRows(without)
    try:
        found = past.copy_to(kept, email_key)
    finally:
        kept.close()
        past.close()
    without.replace(path)
    return found
