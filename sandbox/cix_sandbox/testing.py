"""Runs a sandbox as a process of its own, for tests of what talks to it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from cix_sandbox import remote

if TYPE_CHECKING:
    from pathlib import Path

_STOP_SECONDS = 10


class RunningSandbox:
    """A `cix-sandbox serve` process on a free port, and its control API.

    Attributes:
        data_dir: Where it keeps its data.
        url: Its address, without a slash at the end.
        first_line: What it printed when it started.
    """

    def __init__(self, data_dir: Path, *options: str) -> None:
        """Start it.

        Args:
            data_dir: Where it keeps its data; an existing store is taken up again.
            options: More options of `cix-sandbox serve`, such as `--export`.

        Raises:
            RuntimeError: It did not start.
        """
        self.data_dir = data_dir
        self._options = options
        self._start(port=0)

    def _start(self, port: int) -> None:
        command = [sys.executable, "-m", "cix_sandbox", "serve"]
        self._process = subprocess.Popen(  # noqa: S603  (our own executable)
            [*command, "--port", str(port), "--data-dir", str(self.data_dir), *self._options],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None  # noqa: S101  (for the type checker: it is a pipe)
        line = self.first_line = self._process.stdout.readline()
        if not line.startswith("Sandbox at "):
            raise RuntimeError(f"the sandbox did not start: {line or 'see its standard error'}")
        self.url = line.split()[2].rstrip(",")

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    @property
    def campaign_monitor(self) -> str:
        """Base URL of the Campaign Monitor API."""
        return f"{self.url}/createsend/api/v3.3"

    @property
    def constant_contact(self) -> str:
        """Base URL of the Constant Contact API."""
        return f"{self.url}/constantcontact/v3"

    @property
    def organization(self) -> str:
        """URL of the Dataverse organisation; with `/.default` it is the scope of its tokens."""
        return f"{self.url}/dataverse"

    @property
    def authority(self) -> str:
        """URL of the token service, without a tenant."""
        return f"{self.url}/entra"

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Call the control API, such as `control("PATCH", "/switches", {...})`.

        Raises:
            remote.Refused: The sandbox did not do it.
        """
        content = None if body is None else json.dumps(body).encode()
        return remote.ask(self.url, method, f"/sandbox{path}", content)

    def seed(self, platform: str, **parts: Any) -> None:
        """Put people, fields and lists in: `seed("campaign_monitor", subscribers=[...])`."""
        self.control("POST", "/seed", {platform: parts})

    def members(self, platform: str, list_id: str) -> list[dict[str, Any]]:
        """Return everyone on a list of a platform, such as "campaign_monitor"."""
        path = f"/{platform.replace('_', '-')}/lists/{list_id}/members"
        return list(self.control("GET", path)["members"])

    def switch(self, key: str, value: object) -> None:
        """Set a switch such as "campaign_monitor.read_key_brackets"."""
        self.control("PATCH", "/switches", {key: value})

    def fault(self, kind: str, **settings: Any) -> int:
        """Inject a fault and return its number; the settings are the attributes of `Fault`."""
        return int(self.control("POST", "/faults", {"kind": kind, **settings})["id"])

    def requests(self, platform: str) -> list[dict[str, Any]]:
        """Return the logged requests to a platform, oldest first."""
        return list(self.control("GET", f"/requests?platform={platform}")["requests"])

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward."""
        self.control("POST", "/clock", {"advance_seconds": seconds})

    def reset(self) -> None:
        """Put everything back to the fresh state."""
        self.control("POST", "/reset")

    def stop(self) -> int:
        """End it with SIGTERM and return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End it with SIGKILL, as a crash would, and return its exit code."""
        return self._end(signal.SIGKILL)

    def start_again(self) -> None:
        """Start it again after `stop` or `kill`: same data, same port."""
        self._start(port=int(self.url.rpartition(":")[2]))

    def _end(self, number: signal.Signals) -> int:
        self._process.send_signal(number)
        code = self._process.wait(_STOP_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code
