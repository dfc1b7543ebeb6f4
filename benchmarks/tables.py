"""Figures as text, and tables in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SHORT_SECONDS = 10


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown.

    Args:
        head: Titles of the columns.
        rows: The cells.
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def seconds(value: float) -> str:
    """Return seconds with as many digits as they are good for."""
    return f"{value:.2f}" if value < _SHORT_SECONDS else f"{value:.1f}"


def mib(value: float) -> str:
    """Return MiB as a whole number."""
    return f"{value:.0f}"


def number(value: float) -> str:
    """Return a count, with the thousands apart."""
    return f"{value:,.0f}"
