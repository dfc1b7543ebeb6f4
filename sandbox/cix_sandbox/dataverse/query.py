"""Reads the query options and preferences of a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from cix_sandbox.dataverse.errors import INVALID_QUERY, TOO_MANY_CONDITIONS, invalid, no_property
from cix_sandbox.dataverse.filters import Condition, conditions_in, parse_filter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cix_sandbox.dataverse.columns import Column, Table

SKIP_TOKEN = "$skiptoken"  # noqa: S105  (a name of a query option)
DELTA_TOKEN = "$deltatoken"  # noqa: S105  (same)
KNOWN = ("$select", "$filter", "$orderby", "$top", "$count", SKIP_TOKEN, DELTA_TOKEN)
_UNTRACKED = ("$filter", "$orderby", "$expand", "$top")
"""Options that change tracking does not go with."""
_PREFERENCE = re.compile(r'\s*([\w.-]+)\s*(?:=\s*("[^"]*"|[^,;\s]*))?\s*(?:[,;]|$)')


class Query(NamedTuple):
    """What a request asks of a table.

    Attributes:
        columns: The columns to show, in the table's order, the key among them.
        selected: The names in `$select`, as they were written; empty for all columns.
        condition: The filter, if any.
        order: Columns to sort by, each with whether it descends.
        top: Most rows of the whole answer, if that is limited.
        counted: Whether the number of rows is asked for.
    """

    columns: tuple[Column, ...]
    selected: tuple[str, ...]
    condition: Condition | None
    order: tuple[tuple[Column, bool], ...]
    top: int | None
    counted: bool


class Preferences(NamedTuple):
    """What the header Prefer asks for.

    Attributes:
        page_size: Rows on a page, if it says.
        annotations: Annotations to include, as they were written.
        track_changes: Whether a delta link is wanted.
    """

    page_size: int | None
    annotations: str
    track_changes: bool

    def applied(self) -> str:
        """Return what to say in Preference-Applied."""
        parts = [f"odata.maxpagesize={self.page_size}"] if self.page_size else []
        parts += [f'odata.include-annotations="{self.annotations}"'] if self.annotations else []
        parts += ["odata.track-changes"] if self.track_changes else []
        return ",".join(parts)

    def wants(self, annotation: str) -> bool:
        """Say whether an annotation is to be included."""
        wanted = [part.strip() for part in self.annotations.split(",")]
        return "*" in wanted or annotation in wanted


def read_options(query: str, known: Collection[str] = KNOWN) -> dict[str, str]:
    """Return the query options by name.

    Args:
        query: The query of the URL.
        known: Options that are supported.

    Raises:
        Refusal: One is not supported, or there twice.
    """
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "$skip":
            raise invalid("Skip Clause is not supported in CRM")
        if name.startswith("$") and name not in known:
            raise invalid(f"The query parameter {name} is not supported.")
        if name in options:
            raise invalid(f"Query option '{name}' was specified more than once, but it must be specified at most once.")
        options[name] = value
    return options


def read_query(options: Mapping[str, str], table: Table, most_conditions: float) -> Query:
    """Return what the options ask of a table.

    Args:
        options: The query options.
        table: The table.
        most_conditions: Conditions that a filter may have.

    Raises:
        Refusal: An option cannot be read, or names a column that is not there.
    """
    selected = tuple(name.strip() for name in options.get("$select", "").split(",") if name.strip())
    for name in selected:
        _column(table, name)
    condition = parse_filter(options["$filter"]) if options.get("$filter", "").strip() else None
    if condition is not None and conditions_in(condition) > most_conditions:
        raise invalid("Number of conditions in query exceeded maximum limit.", TOO_MANY_CONDITIONS)
    # The primary key comes with every row, asked for or not.
    shown = {*selected, table.key} if selected else {column.logical_name for column in table.columns}
    return Query(
        columns=tuple(column for column in table.columns if column.logical_name in shown),
        selected=selected,
        condition=condition,
        order=tuple(_order(table, term) for term in options.get("$orderby", "").split(",") if term.strip()),
        top=_top(options.get("$top")),
        counted=_flag("$count", options.get("$count", "false")),
    )


def read_preferences(header: str) -> Preferences:
    """Return what a header Prefer asks for; what it does not know is ignored."""
    found = {match[1].lower(): (match[2] or "").strip('"') for match in _PREFERENCE.finditer(header)}
    size = found.get("odata.maxpagesize", found.get("maxpagesize", ""))
    return Preferences(
        page_size=int(size) if size.isdecimal() and int(size) > 0 else None,
        annotations=found.get("odata.include-annotations", ""),
        track_changes="odata.track-changes" in found,
    )


def check_trackable(options: Mapping[str, str]) -> None:
    """Refuse change tracking for a query that it does not go with.

    Raises:
        Refusal: There is such an option.
    """
    for name in _UNTRACKED:
        if name in options:
            raise invalid(f"The {name} query option is not supported with change tracking.", INVALID_QUERY)


def _column(table: Table, name: str) -> Column:
    column = table.column(name)
    if column is None:
        raise no_property(name, table.logical_name)
    return column


def _order(table: Table, term: str) -> tuple[Column, bool]:
    name, *direction = term.split()
    if direction not in ([], ["asc"], ["desc"]):
        raise invalid(f"Syntax error in $orderby '{term.strip()}'.")
    return _column(table, name), direction == ["desc"]


def _top(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or int(text) == 0:
        raise invalid(f"Invalid value '{text}' for $top query option found.")
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text not in {"true", "false"}:
        raise invalid(f"Invalid value '{text}' for {name} query option found.")
    return text == "true"
