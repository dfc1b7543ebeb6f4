"""The store: writing many rows at once."""

from __future__ import annotations

import sqlite3

import pytest
from cix_sandbox.store import insert_rows


@pytest.mark.parametrize("count", [0, 1, 332, 333, 334, 999, 1000])
def test_rows_are_inserted_all_and_in_their_order_however_many_they_are(count: int) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, size INTEGER, rest TEXT DEFAULT '-', at REAL)"
    )
    connection.execute("INSERT INTO things (id) VALUES (7)")
    rows = [(f"thing {number}", number, number / 2) for number in range(count)]
    insert_rows(connection, "things (name, size, at)", "(?, ?, ?)", rows)
    stored = connection.execute("SELECT id, name, size, at, rest FROM things WHERE id > 7 ORDER BY id").fetchall()
    assert stored == [(number, *row, "-") for number, row in enumerate(rows, start=8)]
    connection.close()
