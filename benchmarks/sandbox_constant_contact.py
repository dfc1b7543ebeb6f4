"""How much of its own CPU the Constant Contact stand-in needs to import contacts.

Run from the top of the repository: `.venv/bin/python benchmarks/sandbox_constant_contact.py [ROWS]`.
The rows carry names and the three ready custom fields, in bodies of at most 3.9 MB.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from cix_sandbox.testing import RunningSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY_BYTES = 3_900_000
BODY_ROWS = 40_000
NO_LIMITS = ("requests_per_second", "requests_per_day", "token_requests_per_second")


def row(number: int) -> dict[str, str]:
    return {
        "email": f"person{number}@example.com",
        "first_name": f"First{number % 1000}",
        "last_name": f"Last{number % 7919}",
        "cf:city": f"City{number % 200}",
        "cf:loyalty_points": str(number % 10_000),
        "cf:last_purchase": f"2026-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
    }


def bodies(rows: int, list_id: str) -> Iterator[bytes]:
    parts: list[str] = []
    size = 0
    for number in range(rows):
        text = json.dumps(row(number))
        if parts and (size + len(text) > BODY_BYTES or len(parts) == BODY_ROWS):
            yield body(parts, list_id)
            parts, size = [], 0
        parts.append(text)
        size += len(text) + 1
    yield body(parts, list_id)


def body(parts: list[str], list_id: str) -> bytes:
    return f'{{"import_data":[{",".join(parts)}],"list_ids":["{list_id}"]}}'.encode()


def connect(sandbox: RunningSandbox) -> tuple[requests.Session, dict[str, Any]]:
    for name in NO_LIMITS:
        sandbox.switch(f"constant_contact.{name}", 0)
    known = sandbox.control("GET", "/credentials")["constant_contact"]
    session = requests.Session()
    answer = session.post(
        known["token_url"],
        data={"grant_type": "refresh_token", "refresh_token": known["refresh_token"]},
        auth=(known["client_id"], known["client_secret"]),
        timeout=60,
    )
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    session.headers["Content-Type"] = "application/json"
    return session, known


def import_all(sandbox: RunningSandbox, rows: int) -> None:
    session, known = connect(sandbox)
    count = 0
    for content in bodies(rows, known["list_id"]):
        url = f"{known['base_url']}/activities/contacts_json_import"
        session.post(url, data=content, timeout=60).raise_for_status()
        count += 1
    url = f"{known['base_url']}/activities?limit=500"
    while any(found["state"] != "completed" for found in session.get(url, timeout=60).json()["activities"]):
        time.sleep(0.2)
    url = f"{known['base_url']}/contact_lists/{known['list_id']}?include_membership_count=all"
    members = session.get(url, timeout=60).json()["membership_count"]
    print(f"{rows} rows in {count} imports: {members} members")


def cpu_seconds() -> float:
    """CPU of the server processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        sandbox = RunningSandbox(Path(folder))
        for what in ("new contacts", "the same contacts again"):
            before, started = cpu_seconds(), time.monotonic()
            import_all(sandbox, rows)
            elapsed = time.monotonic() - started
            sandbox.stop()
            print(f"{what}: {cpu_seconds() - before:.1f} s CPU of the server, {elapsed:.1f} s with the client")
            sandbox.start_again()
        sandbox.stop()
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest resident memory of the server: {memory:.0f} MB")


if __name__ == "__main__":
    main()
