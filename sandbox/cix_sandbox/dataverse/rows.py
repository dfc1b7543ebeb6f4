"""Reads rows out of the store as JSON text, page by page; SQLite itself writes the JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cix_sandbox.dataverse.conditions import Rules, Sql, to_sql

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from cix_sandbox.dataverse.columns import Column
    from cix_sandbox.dataverse.query import Query
    from cix_sandbox.dataverse.views import View

COUNT_LIMIT = 5000
"""Rows that are counted at most."""


class Page(NamedTuple):
    """Rows of a page.

    Attributes:
        rows: JSON objects.
        after: Where the next page begins; None if there is none.
    """

    rows: list[str]
    after: str | int | None


def read_page(
    connection: sqlite3.Connection, view: View, query: Query, rules: Rules, after: str | int, size: int
) -> Page:
    """Read the rows of a page.

    Args:
        connection: The store.
        view: The table.
        query: What is asked of it.
        rules: How text is matched.
        after: `""` or 0 for the first page, else what the page before ended with: the key of its last row, or the
            number of rows so far where the query has an order of its own.
        size: Most rows.
    """
    where = _where(view, query, rules)
    key = f'"{view.table.key}"'
    if query.order:
        skipped = int(after or 0)
        terms = [f"{view.expressions[c.logical_name]} {'DESC' if down else 'ASC'}" for c, down in query.order]
        tail = f"WHERE {where.text} ORDER BY {', '.join(terms)}, {key} LIMIT ? OFFSET {skipped}"
        values = where.values
    else:
        skipped = 0
        tail = f"WHERE {where.text} AND {key} > ? ORDER BY {key} LIMIT ?"
        values = (*where.values, after or "")
    found = connection.execute(
        f"SELECT {key}, {row_json(view, query.columns)} FROM {view.table.logical_name} {tail}",  # noqa: S608  (ours)
        (*values, size + 1),
    ).fetchall()
    rows = [row[1] for row in found[:size]]
    if len(found) <= size:
        return Page(rows, None)
    if query.order:
        return Page(rows, skipped + size)
    return Page(rows, found[size - 1][0] if size else after)


def count(connection: sqlite3.Connection, view: View, query: Query, rules: Rules) -> tuple[int, bool]:
    """Return how many rows there are, at most `COUNT_LIMIT`, and whether there are more."""
    where = _where(view, query, rules)
    found = connection.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM {view.table.logical_name} WHERE {where.text} LIMIT ?)",  # noqa: S608  (ours)
        (*where.values, COUNT_LIMIT + 1),
    ).fetchone()[0]
    return min(found, COUNT_LIMIT), found > COUNT_LIMIT


def read_changes(
    connection: sqlite3.Connection,
    view: View,
    columns: Sequence[Column],
    versions: tuple[int, int],
    size: int,
    context: str,
) -> Page:
    """Read the rows that changed and the ids of those that are gone, in the order in which it happened.

    Args:
        connection: The store.
        view: The table.
        columns: The columns to show.
        versions: The version after which changes count, and the last one that counts.
        size: Most entries.
        context: Context of an entry that is gone.
    """
    table = view.table.logical_name
    gone = """'{"@odata.context":' || json_quote(?) || ',"id":' || json_quote(id) || ',"reason":"deleted"}'"""
    found = connection.execute(
        f"""SELECT versionnumber, {row_json(view, columns)} FROM {table} WHERE versionnumber > ? AND versionnumber <= ?
            UNION ALL
            SELECT version, {gone} FROM dv_deleted WHERE table_name = ? AND version > ? AND version <= ?
            ORDER BY 1 LIMIT ?""",  # noqa: S608  (names are ours)
        (*versions, context, table, *versions, size + 1),
    ).fetchall()
    rows = [row[1] for row in found[:size]]
    if len(found) <= size:
        return Page(rows, None)
    return Page(rows, found[size - 1][0] if size else versions[0])


def row_json(view: View, columns: Sequence[Column]) -> str:
    """Return an SQL expression for a row as a JSON object."""
    parts = ["""'{"@odata.etag":"W/\\"' || versionnumber || '\\""'"""]
    for column in columns:
        expression = view.expressions[column.logical_name]
        value = f"json_quote({expression})" if column.kind.quoted else f"ifnull({expression}, 'null')"
        parts.append(f"""',"{column.logical_name}":' || {value}""")
    return " || ".join([*parts, "'}'"])


def _where(view: View, query: Query, rules: Rules) -> Sql:
    return to_sql(query.condition, view, rules) if query.condition else Sql("true", ())
