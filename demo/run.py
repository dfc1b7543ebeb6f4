"""The demo: segments out of an export folder, through Meltano, onto lists at both platforms' stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
SANDBOX = "http://127.0.0.1:8765"
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("MELTANO_ENV", "TAP_CIX_", "TARGET_C"))
}
EXPORTS = {
    "constant-contact": ("tap-cix-segments", "target-constant-contact"),
    "campaign-monitor": ("tap-cix-segments--campaign-monitor", "target-campaign-monitor"),
}


def ask(path: str, body: bytes | None = None) -> Any:
    """Call the sandbox's control API."""
    request = urllib.request.Request(SANDBOX + path, data=body, headers={"Content-Type": "application/json"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def is_up() -> bool:
    """Say whether the sandbox answers."""
    try:
        ask("/sandbox/health")
    except (urllib.error.URLError, OSError):
        return False
    return True


@contextmanager
def sandbox() -> Iterator[None]:
    """Use the sandbox that is up, or run one for the length of the demo."""
    if is_up():
        yield
        return
    command = [BIN / "cix-sandbox", "serve", "--port", "8765", "--data-dir", ".sandbox"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not is_up():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("The sandbox did not start; is port 8765 in use? Try `make sandbox` to see its message.")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def members(platform: str) -> list[dict[str, Any]]:
    """Return what the ready list of a platform holds."""
    account = ask("/sandbox/credentials")[platform.replace("-", "_")]
    return list(ask(f"/sandbox/{platform}/lists/{account['list_id']}/members")["members"])


def show(platform: str, people: list[dict[str, Any]]) -> None:
    """Print what a list holds now."""
    states = ", ".join(f"{count} {state}" for state, count in sorted(Counter(p["state"] for p in people).items()))
    print(f"\n{platform}: the list holds {len(people)} people ({states}), for instance")
    for person in [p for p in people if p.get("fields")][:3]:
        name = person.get("name") or f"{person.get('first_name', '')} {person.get('last_name', '')}".strip()
        fields = ", ".join(f"{key} {value}" for key, value in person["fields"].items())
        print(f"  {person['email']:<40} {name:<28} {fields}")


def main() -> None:
    """Run both exports and show both lists."""
    with sandbox():
        if not members("campaign-monitor") and not members("constant-contact"):
            # Some people of the sample have unsubscribed or bounced at the platforms before.
            ask("/sandbox/seed", (ROOT / "demo" / "export" / "platform-seed.json").read_bytes())
        for platform, (tap, target) in EXPORTS.items():
            print(f"\n$ meltano run {tap} {target}", flush=True)
            # Whatever is set for production must not reach the stand-ins, nor the demo a real account.
            command = [BIN / "meltano", "--environment=sandbox", "--env-file", os.devnull, "run", tap, target]
            if subprocess.run(command, cwd=ROOT, check=False, env=ENVIRONMENT).returncode:
                sys.exit(f"{target} did not end well; its last lines say why.")
            show(platform, members(platform))
    print("\nWho is not on a list, and why: output/<target>/<run>/rejected.jsonl. Run it again: nothing is sent twice.")


if __name__ == "__main__":
    main()
