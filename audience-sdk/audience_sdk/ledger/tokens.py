"""Tokens of connections, written by one process at a time, in a file of their own beside the ledger.

They stand apart from the contacts because a token that the platform has rotated must be kept even by a dry run, which
leaves the ledger byte for byte as it was.
"""

from __future__ import annotations

import hmac
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from audience_sdk.ledger.database import clear_errors, connect, transaction
from audience_sdk.ledger.encryption import Seal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

_TABLES = (
    "CREATE TABLE IF NOT EXISTS tokens (connection TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS salt (one INTEGER PRIMARY KEY CHECK (one = 1), value BLOB NOT NULL)",
)


class TokenStore:
    """Tokens by connection.

    Args:
        path: The file; made with mode 0600 if it does not exist.
        seal: How tokens are encrypted. Default: not at all.
    """

    def __init__(self, path: Path, seal: Seal | None = None) -> None:
        self.path = path
        self._seal = seal or Seal()
        with clear_errors(path):
            connection = connect(path, synchronous="FULL")
            for table in _TABLES:
                connection.execute(table)
            connection.close()

    @contextmanager
    def exclusive(self, connection_id: str) -> Iterator[dict[str, Any]]:
        """Hold a connection's tokens so that no other process or thread can change them.

        What the dictionary holds at the end is written durably; after an error it is not.

        Args:
            connection_id: Names the connection; no secret.

        Yields:
            The stored values, empty for a new connection; change them in place.

        Raises:
            CixError: `TOKENS_LOCKED` if they are encrypted with a key that is not here.
        """
        with self._open() as connection, transaction(connection):
            query = "SELECT value FROM tokens WHERE connection = ?"
            row = connection.execute(query, (connection_id,)).fetchone()
            values, stale = self._seal.read(row[0]) if row else ({}, False)
            before = dict(values)
            yield values
            if values != before or stale:
                written = (connection_id, self._seal.write(values))
                connection.execute("INSERT OR REPLACE INTO tokens VALUES (?, ?)", written)

    def fingerprint(self, secret: str) -> str:
        """Return a name for a secret that tells nothing about it to whoever does not hold this file.

        Args:
            secret: A key or token.
        """
        with self._open() as connection, transaction(connection):
            connection.execute("INSERT OR IGNORE INTO salt VALUES (1, ?)", (secrets.token_bytes(32),))
            (salt,) = connection.execute("SELECT value FROM salt").fetchone()
        return hmac.digest(salt, secret.encode(), "sha256").hex()[:32]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with clear_errors(self.path):
            connection = connect(self.path, synchronous="FULL")
            try:
                yield connection
            finally:
                connection.close()
