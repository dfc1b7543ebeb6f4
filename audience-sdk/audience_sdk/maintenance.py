"""What is done to the ledger outside a run: rebuilding it, forgetting a person, purging an export."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from audience_sdk.contact import email_key_of
from audience_sdk.errors import CONFIRMATION_EMAILS, CixError
from audience_sdk.ledger import Ledger, ledger_path, planned, staged_path, upkeep
from audience_sdk.ledger.database import PRIVATE
from audience_sdk.ledger.locks import held
from audience_sdk.recover import Past, erase_leftovers, plans, recover

if TYPE_CHECKING:
    import logging
    import threading
    from pathlib import Path

    from audience_sdk.destination import Destination
    from audience_sdk.settings import Settings


def rebuild(
    settings: Settings, destination: Destination, target: str, stop: threading.Event, logger: logging.Logger
) -> None:
    """Read every list of an export back from the platform and rebuild the ledger from it.

    What killed runs had in flight is settled first: whoever joins after the list was read would be taken for somebody
    who has left it.

    Args:
        settings: The export's settings.
        destination: The platform.
        target: Name of the target.
        stop: Set when the process is to end.
        logger: Where the numbers are told.

    Raises:
        CixError: If a list is missing or busy, or the platform refuses to list its people.
    """
    destination.check()
    path = ledger_path(settings.ledger_url)
    with closing(Ledger(path)) as ledger:
        for list_id in settings.all_lists():
            with held(path, f"list {list_id}"):
                _check_exists(destination, list_id)
                list_no = ledger.list_no(target, list_id)
                recover(destination, ledger, list_id, list_no, mapping=b"", past=Past(), stop=stop, logger=logger)
                on_list, away = upkeep.rebuild(ledger, list_no, destination.members(list_id))
            logger.info("List %s: %d people on it, %d others known to the platform.", list_id, on_list, away)


def _check_exists(destination: Destination, list_id: str) -> None:
    try:
        destination.describe_list(list_id)
    except CixError as error:
        # Reading a list back mails nobody.
        if error.code is not CONFIRMATION_EMAILS:
            raise


def forget(settings: Settings, email_key: str) -> int:
    """Erase a person from the ledger, from what killed runs have left, and from the reports of every target.

    Args:
        settings: The export's settings.
        email_key: The key of the contact.

    Returns:
        In how many places the person was found.

    Raises:
        CixError: `LIST_BUSY` if a run is under way with this ledger, as it could write the person down again.
    """
    path = ledger_path(settings.ledger_url)
    with closing(Ledger(path)) as ledger, ExitStack() as locks:
        for list_id in upkeep.list_ids(ledger):
            locks.enter_context(held(path, f"list {list_id}"))
        ledger.forget_jobs(email_key)
        for run_id, batch in ledger.bounded_by(email_key):
            bounds = planned.bounds_without(staged_path(path, run_id), batch, email_key)
            if bounds is None:
                ledger.drop(batch)
            else:
                ledger.bound(batch, *bounds)
        found = upkeep.forget(ledger, email_key)
        erase_leftovers(ledger)
        for run_id, plan in plans(path):
            # A run onto a list that is new to the ledger may have begun meanwhile.
            with held(path, f"run {run_id}", once=True):
                found += planned.forget(plan, email_key)
        for rejected in settings.output_dir.glob("*/*/rejected.jsonl"):
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
        erase_leftovers(ledger)
        for folder in (settings.output_dir / target).glob("*"):
            if any(_names(folder, list_id) for list_id in lists):
                shutil.rmtree(folder)
    return erased


def _names(folder: Path, list_id: str) -> bool:
    """Say whether a run's folder is about a list; a killed run has no summary."""
    files = (folder / "summary.json", folder / "rejected.jsonl")
    return any(json.dumps(list_id).encode() in path.read_bytes() for path in files if path.exists())


def _forget_rejected(path: Path, email_key: str) -> int:
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if _email_key(line) not in {email_key, None}]
    if len(kept) < len(lines):
        partial = path.with_suffix(".partial")
        partial.touch(PRIVATE)
        partial.write_bytes(b"".join(kept))
        partial.replace(path)
    return len(lines) - len(kept)


def _email_key(line: bytes) -> str | None:
    """Return whom a rejected row is about, or None for the half of a line that a full disk has left."""
    try:
        email: str = json.loads(line)["email"]
    except ValueError:
        return None
    return email_key_of(email)
