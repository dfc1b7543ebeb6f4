"""Tokens of connections, written by one process at a time, in a file of their own beside the ledger.

They stand apart from the contacts because a token that the platform has rotated must be kept even by a dry run, which
leaves the ledger byte for byte as it was.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from audience_sdk.ledger.database import clear_errors, connect, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TokenStore:
    """Tokens by connection.

    Args:
        path: The file; made with mode 0600 if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with clear_errors(path):
            connection = connect(path, synchronous="FULL")
            connection.execute("CREATE TABLE IF NOT EXISTS tokens (connection TEXT PRIMARY KEY, value TEXT NOT NULL)")
            connection.close()

    @contextmanager
    def exclusive(self, connection_id: str) -> Iterator[dict[str, Any]]:
        """Hold a connection's tokens so that no other process or thread can change them.

        What the dictionary holds at the end is written durably; after an error it is not.

        Args:
            connection_id: Names the connection; no secret.

        Yields:
            The stored values, empty for a new connection; change them in place.
        """
        with clear_errors(self.path):
            connection = connect(self.path, synchronous="FULL")
            try:
                with transaction(connection):
                    query = "SELECT value FROM tokens WHERE connection = ?"
                    row = connection.execute(query, (connection_id,)).fetchone()
                    values: dict[str, Any] = json.loads(row[0]) if row else {}
                    before = dict(values)
                    yield values
                    if values != before:
                        connection.execute(
                            "INSERT OR REPLACE INTO tokens VALUES (?, ?)", (connection_id, json.dumps(values))
                        )
            finally:
                connection.close()
