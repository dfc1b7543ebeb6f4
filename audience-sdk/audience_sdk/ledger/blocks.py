"""Rows in a file, written and read in blocks: a million of them cost little and need no memory."""

from __future__ import annotations

import os
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from audience_sdk.errors import DISK_FULL, LEDGER_UNUSABLE, CixError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import FileIO
    from pathlib import Path

T = TypeVar("T")
R = TypeVar("R", bound="tuple[Any, ...]")

_BLOCK_ROWS = 100
_BLOCK_BYTES = 65_536

_LENGTH = struct.Struct("<I")
_ENCODE = msgspec.msgpack.Encoder().encode


class Blocks:
    """Blocks of rows in one file, in MessagePack, each found again by its place.

    Args:
        file: The file, open for reading and writing without a buffer; what it holds already stays.
        path: Its name, for messages.
    """

    def __init__(self, file: FileIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._end = os.fstat(file.fileno()).st_size

    def append(self, block: Any) -> int:
        """Write a block after the others.

        Args:
            block: Anything that MessagePack can hold.

        Returns:
            Its place.

        Raises:
            CixError: `DISK_FULL`; what was written of the block is not read again.
        """
        encoded = _ENCODE(block)
        place = self._end
        with clear_file_errors(self._path):
            self._file.seek(place)
            rest = memoryview(_LENGTH.pack(len(encoded)) + encoded)
            while rest:
                rest = rest[self._file.write(rest) :]
        self._end += _LENGTH.size + len(encoded)
        return place

    def read(self, place: int, decoder: msgspec.msgpack.Decoder[T]) -> T:
        """Return a block.

        Args:
            place: Its place.
            decoder: Knows what it holds.

        Raises:
            CixError: `LEDGER_UNUSABLE` if there is no such block.
        """
        try:
            with clear_file_errors(self._path):
                return decoder.decode(self._file.read(self._length(place)))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CixError(LEDGER_UNUSABLE, f"`{self._path}` is damaged.") from error

    def places(self) -> Iterator[int]:
        """Yield the places of all blocks, in the order in which they were written.

        Raises:
            CixError: `LEDGER_UNUSABLE` if the last one was cut off.
        """
        place = 0
        while place < self._end:
            yield place
            place += _LENGTH.size + self._length(place)

    def _length(self, place: int) -> int:
        """Return the length of a block; the file then stands where it begins."""
        self._file.seek(place)
        header = self._file.read(_LENGTH.size)
        if len(header) == _LENGTH.size:
            (length,) = _LENGTH.unpack(header)
            if place + _LENGTH.size + length <= self._end:
                return int(length)
        raise CixError(LEDGER_UNUSABLE, f"`{self._path}` is damaged.")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@contextmanager
def clear_file_errors(path: Path) -> Iterator[None]:
    """Turn the errors of a file that cannot be used into one that says what to do.

    Args:
        path: The file, for the message.

    Raises:
        CixError: `DISK_FULL`.
    """
    try:
        yield
    except OSError as error:
        raise CixError(DISK_FULL, f"Cannot write or read `{path}`: {error.strerror}.") from error


def cut(rows: Sequence[R]) -> Iterator[Sequence[R]]:
    """Yield rows in parts of the size of a block.

    Args:
        rows: Tuples whose fifth member is the JSON of the row, or None.
    """
    size = sum([len(row[4] or b"") for row in rows])
    step = max(1, min(_BLOCK_ROWS, _BLOCK_BYTES * len(rows) // (size + 1)))
    for at in range(0, len(rows), step):
        yield rows[at : at + step]
