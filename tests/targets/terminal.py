"""A person at a terminal: commands of a target, and a login whose pages are answered at a browser."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import requests
from processes import Call, Ended, _become, _warm, run_forked
from target_process import SECRETS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.process import BaseProcess as Running
    from pathlib import Path

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
    """

    def __init__(self, process: Running, *said: Path) -> None:
        self._process = process
        self._said = said
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := re.search(r"Open this page .*: (http\S+)\n", self.told())) is None:
            assert time.monotonic() < deadline
            assert process.exitcode is None, self.told()
            time.sleep(0.01)
        self.page = found[1]

    def told(self) -> str:
        """What it has said so far."""
        return "".join(path.read_text("utf-8") for path in self._said)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
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
        self._process.join(PATIENCE_SECONDS)
        told = self.told()
        assert self._process.exitcode is not None, told
        assert "Traceback" not in told
        assert not [secret for secret in SECRETS if secret in told]
        return self._process.exitcode, told


@contextmanager
def login(target: Target, key: str = "", **settings: Any) -> Iterator[Login]:
    """Start a login, and end it if the block does not.

    Args:
        target: The target.
        key: Encrypts the tokens.
        **settings: In place of the export's own.
    """
    call = Call(target.name, ("--config", config_path(target, **settings), "--login"), target.folder)
    streams = [target.folder / f"login-{name}" for name in ("in", "out", "log")]
    for path in streams:
        path.write_text("", "utf-8")
    process = _warm.Process(target=_log_in, args=(call, key, *map(str, streams)))
    process.start()
    try:
        yield Login(process, *streams[1:])
    finally:
        process.kill()
        process.join()
        process.close()


def _log_in(call: Call, key: str, *streams: str) -> None:
    os.environ["CIX_TOKEN_KEY"] = key
    _become(call, *streams)
