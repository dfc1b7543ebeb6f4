"""A person at a terminal: commands of a target, and a login whose pages are answered at a browser."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import requests
from processes import BIN, Call, Ended, environment, run_forked
from target_process import SECRETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_process import Target

PATIENCE_SECONDS = 60


def config_path(target: Target, **settings: Any) -> str:
    """Write the settings of an export, some of them changed; None takes one out."""
    config = {name: value for name, value in (target.config | settings).items() if value is not None}
    path = target.folder / "config.json"
    path.write_text(json.dumps(config), "utf-8")
    return str(path)


def command(target: Target, *arguments: str, **settings: Any) -> Ended:
    """Carry out a command of a target; whatever it is, it shows no secret and no traceback."""
    call = Call(target.name, ("--config", config_path(target, **settings), *arguments), target.folder)
    ended = run_forked(call, "")
    told = ended.stdout + ended.stderr
    assert "Traceback" not in told
    assert not [secret for secret in SECRETS if secret in told]
    return ended


def shown(target: Target, *arguments: str, **settings: Any) -> Any:
    """The JSON that a command shows."""
    ended = command(target, *arguments, "--format", "json", **settings)
    assert ended.stdout, ended.stderr
    return json.loads(ended.stdout)


class Login:
    """A `--login` under way.

    Attributes:
        page: The page that it asks to open.
        told: What it has said, line by line.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.told: list[str] = []
        self.page = ""
        self._pages = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._pages.wait(PATIENCE_SECONDS), self.told

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.told.append(line)
            found = re.search(r"Open this page .*: (http\S+)", line)
            if found:
                self.page = found[1]
                self._pages.set()
        self._pages.set()

    @property
    def pid(self) -> int:
        return self._process.pid

    def answer_device(self, decision: str = "approve") -> None:
        """Type the code at the platform's page, and decide."""
        page, _, query = self.page.partition("?")
        form = {"user_code": parse_qs(query)["user_code"][0], "decision": decision}
        assert requests.post(page, data=form, timeout=10).status_code == 200

    def browse(self) -> requests.Response:
        """Open the page, and follow where it sends the browser."""
        return requests.get(self.page, timeout=10)

    def query(self) -> dict[str, str]:
        """The parameters of the page."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.page).query).items()}

    def end(self) -> tuple[int, str]:
        """Wait for the end, and return exit code and all that was said."""
        code = self._process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        told = "".join(self.told)
        assert "Traceback" not in told
        assert not [secret for secret in SECRETS if secret in told]
        return code, told


@contextmanager
def login(target: Target, key: str = "", **settings: Any) -> Iterator[Login]:
    """Start a login, and end it if the block does not.

    Args:
        target: The target.
        key: Encrypts the tokens.
        **settings: In place of the export's own.
    """
    process = subprocess.Popen(
        [BIN / target.name, "--config", config_path(target, **settings), "--login"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=target.folder,
        env=environment() | {"CIX_TOKEN_KEY": key},
    )
    with process:
        try:
            yield Login(process)
        finally:
            process.kill()
