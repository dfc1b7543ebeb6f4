"""Sorting on disk: rows come in any order and leave in that of their keys, in flat memory.

What has come is sorted in memory every 20,000 rows and written as a run; the runs are merged when they are read.
Blocks of all runs are in memory at a time, and whatever is sure to be complete among them is sorted at once, which
takes a fraction of the time of a merge row by row. Rows with the same key are in memory together, some 300 bytes each,
as only the last one needs its JSON.
"""

from __future__ import annotations

import tempfile
from array import array
from bisect import bisect_left
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec

from audience_sdk.ledger.blocks import Blocks, clear_file_errors, cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

NewRow = tuple[str, int, str, str | None, bytes | None]
"""The key of the contact, the run's number of the segment, the profile's key in its stream, the address as it is sent
if it is not the key itself, and the JSON of the row; none for somebody whose row cannot be sent."""

_RUNS_AT_ONCE = 256
"""So many runs are merged at a time; the blocks of each that are in memory take about 100 KiB."""

_KEY = itemgetter(0)
_DECODER = msgspec.msgpack.Decoder(list[NewRow])


class Scratch:
    """A file without a name, so that nothing of it is left when the process ends, however it ends.

    Args:
        path: Beside this file it lies, and this name stands in messages.
    """

    def __init__(self, path: Path) -> None:
        with clear_file_errors(path):
            file = tempfile.TemporaryFile(buffering=0, dir=path.parent)  # noqa: SIM115 - closed by `close`
        self.blocks = Blocks(file, path)

    def close(self) -> None:
        """Let go of the file, which is gone then."""
        self.blocks.close()


class SortedRows:
    """Rows of one list, sorted by their keys; those with the same key keep the order in which they came.

    Args:
        blocks: Where they are kept.
    """

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._unwritten: list[NewRow] = []
        self._runs: list[array[int]] = []

    def add(self, rows: Iterable[NewRow]) -> None:
        """Take rows in; they stay in memory until `write` is called.

        Args:
            rows: The rows.
        """
        self._unwritten.extend(rows)

    def write(self) -> None:
        """Sort and write what has come since the last call.

        Raises:
            CixError: `DISK_FULL`.
        """
        if self._unwritten:
            self._unwritten.sort(key=_KEY)
            self._runs.append(self._write_run([self._unwritten]))
            self._unwritten.clear()

    def in_order(self) -> Iterator[list[NewRow]]:
        """Yield the rows in the order of their keys, in lists; rows with the same key are in the same list.

        Raises:
            CixError: `DISK_FULL`.
        """
        self.write()
        while len(self._runs) > _RUNS_AT_ONCE:
            together = [self._runs[at : at + _RUNS_AT_ONCE] for at in range(0, len(self._runs), _RUNS_AT_ONCE)]
            self._runs = [self._write_run(_merged(map(self._read_run, runs))) for runs in together]
        return _merged(map(self._read_run, self._runs))

    def _write_run(self, parts: Iterable[list[NewRow]]) -> array[int]:
        places = array("Q")
        for rows in parts:
            places.extend(self._blocks.append(part) for part in cut(rows))
        return places

    def _read_run(self, places: Sequence[int]) -> Iterator[list[NewRow]]:
        for place in places:
            yield self._blocks.read(place, _DECODER)


class _Run:
    """A sorted run that is read block by block.

    Args:
        blocks: Its rows.

    Attributes:
        head: The rows that were read and not taken yet.
        finished: Whether there are no others.
    """

    def __init__(self, blocks: Iterator[list[NewRow]]) -> None:
        self.head: list[NewRow] = []
        self.finished = False
        self._blocks = blocks
        self._enough = 0

    def read(self) -> None:
        """Read until the head has half a block and two keys: then there is something before its last key."""
        head = self.head
        while not self.finished and (len(head) <= self._enough or head[0][0] == head[-1][0]):
            block = next(self._blocks, None)
            if block is None:
                self.finished = True
            elif head and head[0][0] == block[-1][0]:
                head += _lighter(block)
            else:
                head += block
                self._enough = len(block) // 2


def _lighter(alike: list[NewRow]) -> list[NewRow]:
    """Return rows with one key, of which the last one that can be sent alone needs its JSON: it takes their place."""
    last = max((place for place, row in enumerate(alike) if row[4] is not None), default=None)
    key = alike[0][0]
    return [
        row if place == last or row[4] is None else (key, row[1], row[2], row[3], b"")
        for place, row in enumerate(alike)
    ]


def _merged(blocks: Iterable[Iterator[list[NewRow]]]) -> Iterator[list[NewRow]]:
    """Merge sorted runs; rows with the same key come in the order of the runs.

    Args:
        blocks: The blocks of each run.

    Yields:
        Rows in order, in lists; rows with the same key are in the same list.
    """
    runs = [_Run(each) for each in blocks]
    while True:
        for run in runs:
            run.read()
        unfinished = [run.head[-1][0] for run in runs if not run.finished]
        if not unfinished:
            rest = sorted((row for run in runs for row in run.head), key=_KEY)
            if rest:
                yield rest
            return
        # What comes before the last key that every unfinished run has shown is complete.
        bound = min(unfinished)
        ready: list[NewRow] = []
        for run in runs:
            before = bisect_left(run.head, bound, key=_KEY)
            ready += run.head[:before]
            del run.head[:before]
        ready.sort(key=_KEY)
        yield ready
