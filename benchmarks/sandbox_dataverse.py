"""What a million customers cost the stand-in for Dataverse: taking the export folder over, and being read.

python benchmarks/sandbox_dataverse.py [--profiles 1000000]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from cix_sandbox.accounts import ENTRA
from cix_sandbox.sample import write_sample
from cix_sandbox.testing import RunningSandbox

if TYPE_CHECKING:
    from collections.abc import Callable

_TICKS = 100
"""Clock ticks per second in /proc/PID/stat on Linux."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        write_sample(folder / "export", arguments.profiles, seed=1)
        running = RunningSandbox(folder / "data", "--export", str(folder / "export"))
        try:
            print(f"taken over:  {cpu_seconds(running.pid):6.1f} s CPU, peak {peak_megabytes(running.pid)} MB")
            measure(running)
        finally:
            running.stop()
    own = resource.getrusage(resource.RUSAGE_SELF)
    print(f"this client: {own.ru_utime + own.ru_stime:6.1f} s CPU")


def measure(running: RunningSandbox) -> None:
    read = reader(running)
    churn = "$filter=contains(msdynci_segments,'\"ChurnRisk\"')"
    for title, path in (
        ("all profiles", "msdynci_customerprofiles"),
        ("two columns", "msdynci_customerprofiles?$select=msdynci_customerid,msdynci_email"),
        ("memberships", "msdynci_segmentmemberships?$select=msdynci_customerid,msdynci_segments"),
        ("one segment", f"msdynci_segmentmemberships?$select=msdynci_customerid&{churn}"),
    ):
        cpu, began = cpu_seconds(running.pid), time.perf_counter()
        rows = read(path)
        took = time.perf_counter() - began
        print(
            f"{title + ':':<12} {cpu_seconds(running.pid) - cpu:6.1f} s CPU, {rows} rows in {took:.1f} s, "
            f"peak {peak_megabytes(running.pid)} MB"
        )


def reader(running: RunningSandbox) -> Callable[[str], int]:
    session = requests.Session()
    application = ENTRA.applications[0]
    form = {
        "grant_type": "client_credentials",
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "scope": f"{running.organization}/.default",
    }
    url = f"{running.authority}/{ENTRA.tenant_id}/oauth2/v2.0/token"
    session.headers["Authorization"] = f"Bearer {session.post(url, data=form, timeout=60).json()['access_token']}"

    def read(path: str) -> int:
        """Read a table to its end and return the number of rows."""
        rows, link = 0, f"{running.organization}/api/data/v9.2/{path}"
        while link:
            page = session.get(link, timeout=60).json()
            rows += len(page["value"])
            link = page.get("@odata.nextLink", "")
        return rows

    return read


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_megabytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


if __name__ == "__main__":
    main()
