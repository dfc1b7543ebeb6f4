"""What is done to the ledger outside a run: rebuilding it, forgetting a person, purging an export."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from audience_sdk.ledger import Ledger, ledger_path, staged_path, upkeep
from audience_sdk.ledger.database import PRIVATE, clear_errors
from audience_sdk.ledger.locks import held

if TYPE_CHECKING:
    import logging
    from pathlib import Path

    from audience_sdk.destination import Destination
    from audience_sdk.settings import Settings


def rebuild(settings: Settings, destination: Destination, target: str, logger: logging.Logger) -> None:
    """Read every list of an export back from the platform and rebuild the ledger from it.

    Args:
        settings: The export's settings.
        destination: The platform.
        target: Name of the target.
        logger: Where the numbers are told.

    Raises:
        CixError: If a list is missing or busy, or the platform refuses to list its people.
    """
    destination.check()
    path = ledger_path(settings.ledger_url)
    with closing(Ledger(path)) as ledger:
        for list_id in settings.all_lists():
            with held(path, f"list {list_id}"):
                destination.describe_list(list_id)
                on_list, away = upkeep.rebuild(ledger, ledger.list_no(target, list_id), destination.members(list_id))
            logger.info("List %s: %d people on it, %d others known to the platform.", list_id, on_list, away)


def forget(settings: Settings, target: str, email_key: str) -> int:
    """Erase a person from the ledger, from what killed runs have left, and from the reports of a target.

    Args:
        settings: The export's settings.
        target: Name of the target.
        email_key: The key of the contact.

    Returns:
        In how many places the person was found.
    """
    path = ledger_path(settings.ledger_url)
    with closing(Ledger(path)) as ledger:
        found = upkeep.forget(ledger, email_key)
    for staged in path.parent.glob(staged_path(path, "*").name):
        found += _forget_staged(staged, email_key)
    for rejected in (settings.output_dir / target).glob("*/rejected.jsonl"):
        found += _forget_rejected(rejected, email_key)
    return found


def purge(settings: Settings, target: str) -> int:
    """Erase everything about the lists of an export that was removed: ledger and reports.

    Args:
        settings: The export's settings.
        target: Name of the target.

    Returns:
        How many contacts the ledger has forgotten.
    """
    path = ledger_path(settings.ledger_url)
    lists = settings.all_lists()
    with closing(Ledger(path)) as ledger, ExitStack() as locks:
        for list_id in lists:
            locks.enter_context(held(path, f"list {list_id}"))
        erased = upkeep.purge(ledger, [ledger.list_no(target, list_id) for list_id in lists])
    for summary in (settings.output_dir / target).glob("*/summary.json"):
        if set(json.loads(summary.read_text("utf-8"))["lists"]) & set(lists):
            shutil.rmtree(summary.parent)
    return erased


def _forget_staged(path: Path, email_key: str) -> int:
    with clear_errors(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        found = connection.execute("DELETE FROM staged WHERE email_key = ?", (email_key,)).rowcount
        connection.execute("DELETE FROM plan WHERE email_key = ?", (email_key,))
        connection.execute("VACUUM")
    return found


def _forget_rejected(path: Path, email_key: str) -> int:
    lines = path.read_text("utf-8").splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["email"].strip().lower() != email_key]
    if len(kept) < len(lines):
        partial = path.with_suffix(".partial")
        partial.touch(PRIVATE)
        partial.write_text("".join(kept), "utf-8")
        partial.replace(path)
    return len(lines) - len(kept)
