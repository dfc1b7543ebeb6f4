"""Progress of long work: a bar on a terminal, a line every few seconds otherwise."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator

_EVERY_SECONDS = 5.0


@contextmanager
def progress(logger: logging.Logger, what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show how far a piece of work is.

    Args:
        logger: Where the lines go when nobody watches a terminal.
        what: The work and its unit, such as `read profiles`.
        total: How much there is to do, where it is known.

    Yields:
        A function to call with how much more is done.
    """
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        bar = Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True))
        with bar:
            task = bar.add_task(what, total=total)
            yield lambda more: bar.advance(task, more)
        return
    lines = _Lines(logger, what, total)
    yield lines.advance
    lines.end()


class _Lines:
    def __init__(self, logger: logging.Logger, what: str, total: int | None) -> None:
        self._logger = logger
        self._what = what
        self._total = total
        self._done = 0
        self._begun = self._said = time.monotonic()

    def advance(self, more: int) -> None:
        self._done += more
        now = time.monotonic()
        if now - self._said >= _EVERY_SECONDS:
            self._said = now
            rate = self._done / (now - self._begun)
            of = left = ""
            if self._total:
                of = f" of {self._total}"
                # The first rows of the first batch would foretell hours.
                if self._done * 100 >= self._total:
                    left = f", {(self._total - self._done) / rate:.0f} s left"
            self._logger.info("%s: %d%s, %.0f/s%s", self._what, self._done, of, rate, left)

    def end(self) -> None:
        if self._done:
            seconds = time.monotonic() - self._begun
            self._logger.info("%s: %d in %.1f s", self._what, self._done, seconds)
