"""The rows of a job, which can be many, while the platform works on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from audience_sdk.contact import StagedRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class RowsInReach(Sequence[StagedRow]):
    """The rows of a batch that the platform works on: read again from the disk, and only if somebody asks for one.

    Args:
        count: How many there are.
        read: Reads them.
    """

    def __init__(self, count: int, read: Callable[[], Iterable[StagedRow]]) -> None:
        self._count = count
        self._read = read
        self._rows: list[StagedRow] | None = None

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> StagedRow: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[StagedRow]: ...
    def __getitem__(self, index: int | slice) -> StagedRow | Sequence[StagedRow]:
        """Return some of them; from now on all are in memory."""
        if self._rows is None:
            self._rows = list(self._read())
        return self._rows[index]

    def __iter__(self) -> Iterator[StagedRow]:
        """Read them one by one."""
        return iter(self._rows) if self._rows is not None else iter(self._read())
