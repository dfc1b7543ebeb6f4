"""What an import of many contacts costs the sandbox in CPU of its own.

    .venv/bin/python benchmarks/sandbox_import.py [--rows 1000000] [--order sorted|random] [--clients 1]

Starts a sandbox process on a fresh data directory, imports made-up contacts with three custom fields through the
Campaign Monitor bulk call, 1000 at a time, and prints rows, the server's CPU seconds (user and system, from the
kernel's account of the process), wall seconds and peak memory. The client's own CPU is not counted.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import random
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cix_sandbox.accounts import CAMPAIGN_MONITOR
from cix_sandbox.testing import RunningSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 1000
CREATED = 201
CREDENTIALS = base64.b64encode(f"{CAMPAIGN_MONITOR.api_key}:x".encode()).decode()


def main() -> None:
    """Measure and print one import, and the same again as an update."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--order", choices=("sorted", "random"), default="sorted", help="order of the addresses")
    parser.add_argument("--clients", type=int, default=1, help="imports in flight")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        sandbox = RunningSandbox(Path(directory))
        for label in ("new", "existing"):
            measure(sandbox, label, arguments.rows, arguments.order, arguments.clients)
        sandbox.stop()


def measure(sandbox: RunningSandbox, label: str, rows: int, order: str, clients: int) -> None:
    """Import all rows once and print what it cost the server."""
    before, started = cpu_seconds(sandbox.pid), time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        for start in range(0, rows, BATCH * clients):
            starts = range(start, min(start + BATCH * clients, rows), BATCH)
            list(pool.map(lambda first: send(sandbox.url, body(first, order)), starts))
    user, system = (after - then for after, then in zip(cpu_seconds(sandbox.pid), before, strict=True))
    wall = time.monotonic() - started
    print(f"{label}: {rows} rows, order {order}")
    print(f"  server CPU {user + system:.1f} s (user {user:.1f}, system {system:.1f}), wall {wall:.1f} s")
    print(f"  peak memory {peak_megabytes(sandbox.pid)} MB")


def body(first: int, order: str) -> bytes:
    """Return the body of one batch; the same rows give the same addresses."""
    people = [
        {
            "EmailAddress": f"{number:08x}.person@example.com",
            "Name": f"Person {number}",
            "ConsentToTrack": "Yes",
            "CustomFields": [
                {"Key": "[City]", "Value": "Springfield"},
                {"Key": "[LoyaltyPoints]", "Value": str(number % 10_000)},
                {"Key": "[LastPurchase]", "Value": "2024/02/29"},
            ],
        }
        for number in numbers(first, order)
    ]
    return json.dumps({"Subscribers": people, "Resubscribe": False}).encode()


def numbers(first: int, order: str) -> Iterator[int]:
    """Yield the numbers in the addresses of a batch."""
    source = random.Random(first)  # noqa: S311  (made-up data)
    for number in range(first, first + BATCH):
        yield number if order == "sorted" else source.getrandbits(32)


def send(url: str, content: bytes) -> None:
    """Import one batch."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port)
    path = f"/createsend/api/v3.3/subscribers/{CAMPAIGN_MONITOR.list_id}/import.json"
    connection.request("POST", path, content, {"Authorization": f"Basic {CREDENTIALS}"})
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    if response.status != CREATED:
        raise SystemExit(f"import failed with {response.status}: {answer[:200]!r}")


def cpu_seconds(pid: int) -> tuple[float, float]:
    """Return the user and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    tick = os.sysconf("SC_CLK_TCK")
    return int(fields[11]) / tick, int(fields[12]) / tick


def peak_megabytes(pid: int) -> int:
    """Return the most memory that a process has held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


if __name__ == "__main__":
    main()
