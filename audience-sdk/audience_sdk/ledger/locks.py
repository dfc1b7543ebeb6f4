"""Locks beside the ledger, which the operating system lets go of however a process ends."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from audience_sdk.errors import LIST_BUSY, CixError
from audience_sdk.ledger.database import PRIVATE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def held(ledger: Path, what: str, *, once: bool = False) -> Iterator[None]:
    """Hold a list or a run against other processes.

    Args:
        ledger: The ledger's file; the locks are beside it.
        what: What is held, such as `list 1157…`.
        once: Whether nobody will want the lock again, so that its file can go.

    Raises:
        CixError: `LIST_BUSY` if another process holds it.
    """
    folder = ledger.with_name(f"{ledger.name}.locks")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / hashlib.sha256(what.encode()).hexdigest()[:16]
    try:
        with FileLock(path, timeout=0, mode=PRIVATE):
            yield
            if once:
                path.unlink(missing_ok=True)
    except Timeout as error:
        raise CixError(LIST_BUSY, f"Another process is working on {what}.") from error
