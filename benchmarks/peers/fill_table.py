"""The rows as a database table, for a peer that reads no files: `python fill_table.py DATABASE FILE.csv ...`."""

from __future__ import annotations

import sqlite3
import sys

from rows import rows


def main() -> None:
    """Make the table `profiles`."""
    database, *files = sys.argv[1:]
    read = rows(files)
    first = next(read)
    connection = sqlite3.connect(database)
    connection.execute(f"CREATE TABLE profiles ({', '.join(first)})")
    insert = f"INSERT INTO profiles VALUES ({', '.join('?' * len(first))})"  # noqa: S608 - question marks
    connection.execute(insert, tuple(first.values()))
    connection.executemany(insert, (tuple(row.values()) for row in read))
    connection.commit()
    connection.close()


if __name__ == "__main__":
    main()
