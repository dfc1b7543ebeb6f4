"""What is shown to a person as a table, and to a program as JSON."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SMALLEST_WIDTH = 80


def show_json(content: Any) -> None:
    """Print JSON on standard output.

    Args:
        content: What JSON can hold.
    """
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def show_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Print a table on standard output.

    Args:
        rows: The rows.
        columns: Titles by key; a column that no row fills is left out.
    """
    titles = {key: title for key, title in columns.items() if any(row.get(key) is not None for row in rows)}
    table = Table(box=box.SIMPLE_HEAD)
    for key, title in titles.items():
        # What is to be copied, such as an id, is never cut.
        table.add_column(title, overflow="fold", no_wrap=key.endswith("id"))
    for row in rows:
        table.add_row(*(_cell(row.get(key)) for key in titles))
    text = StringIO()
    width = max(_SMALLEST_WIDTH, shutil.get_terminal_size((120, 24)).columns)
    Console(file=text, width=width).print(table)
    click.echo("\n".join(line.rstrip() for line in text.getvalue().strip("\n").splitlines()))


def _cell(value: Any) -> Text:
    """Return a value as it stands; names at a platform can hold what a terminal or the library would obey."""
    if value is None:
        return Text("")
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return Text("".join(letter if letter.isprintable() else " " for letter in text))
