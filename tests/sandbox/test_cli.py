"""The command line of the sandbox."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from cix_sandbox.cli import main
from cix_sandbox.store import SCHEMA_VERSION, open_store
from click.testing import CliRunner, Result
from cm_api import LIST

if TYPE_CHECKING:
    from pathlib import Path

    from cix_sandbox.testing import RunningSandbox

TIMEOUT = 60


def run(*arguments: str, text: str = "") -> Result:
    return CliRunner().invoke(main, arguments, input=text)


def complaint(result: Result) -> str:
    """The one line of a command that could not do it."""
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Error: ")
    return lines[0]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def printed(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


@pytest.mark.parametrize("command", [[], ["serve"], ["credentials"], ["sample"], ["seed"], ["reset"]])
def test_every_command_explains_itself(command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage:")


def test_the_console_script_is_installed() -> None:
    script = shutil.which("cix-sandbox", path=os.path.dirname(sys.executable))  # noqa: PTH120  (which takes a text)
    assert script
    result = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=TIMEOUT, check=True)
    assert "0." in result.stdout


class TestServe:
    def test_says_where_it_is_and_how_to_get_credentials(self, own_sandbox: RunningSandbox) -> None:
        assert own_sandbox.first_line == (
            f"Sandbox at {own_sandbox.url}, data in {own_sandbox.data_dir}. "
            f"Credentials: cix-sandbox credentials --url {own_sandbox.url}. Ctrl-C ends it.\n"
        )

    def test_complains_about_a_port_in_use(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = str(listener.getsockname()[1])
            line = complaint(run("serve", "--port", port, "--data-dir", str(tmp_path)))
        assert port in line
        assert "--port" in line

    def test_complains_about_a_host_that_is_not_ours(self, tmp_path: Path) -> None:
        line = complaint(run("serve", "--host", "192.0.2.1", "--port", "0", "--data-dir", str(tmp_path)))
        assert "192.0.2.1" in line

    def test_complains_about_a_data_directory_that_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        line = complaint(run("serve", "--port", "0", "--data-dir", str(tmp_path / "file" / "data")))
        assert "--data-dir" in line

    def test_complains_about_a_store_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "sandbox.db").write_text("this is no database" * 100)
        assert "--data-dir" in complaint(run("serve", "--port", "0", "--data-dir", str(tmp_path)))

    def test_complains_about_a_store_of_another_version(self, tmp_path: Path) -> None:
        connection = sqlite3.connect(tmp_path / "sandbox.db")
        connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)")
        connection.execute("INSERT INTO meta VALUES ('schema_version', ?)", (str(SCHEMA_VERSION + 1),))
        connection.commit()
        connection.close()
        line = complaint(run("serve", "--port", "0", "--data-dir", str(tmp_path)))
        assert f"version {SCHEMA_VERSION + 1}" in line

    def test_complains_about_a_store_that_it_cannot_complete(self, tmp_path: Path) -> None:
        open_store(tmp_path).close()
        connection = sqlite3.connect(tmp_path / "sandbox.db")
        connection.execute("CREATE VIEW cm_client AS SELECT 1 AS no")
        connection.commit()
        connection.close()
        assert "--data-dir" in complaint(run("serve", "--port", "0", "--data-dir", str(tmp_path)))

    def test_refuses_a_port_that_cannot_be(self) -> None:
        result = run("serve", "--port", "70000")
        assert result.exit_code == 2
        assert "--port" in result.stderr


class TestCredentials:
    def test_come_from_the_running_sandbox(self, sandbox: RunningSandbox) -> None:
        found = printed(run("credentials", "--url", sandbox.url))
        assert found == sandbox.control("GET", "/credentials")
        assert found["campaign_monitor"]["list_id"] == LIST

    @pytest.mark.parametrize("running", [True, False])
    def test_come_from_a_data_directory_with_the_address_of_last_time(
        self, own_sandbox: RunningSandbox, *, running: bool
    ) -> None:
        asked = own_sandbox.control("GET", "/credentials")
        if not running:
            own_sandbox.kill()
        assert printed(run("credentials", "--data-dir", str(own_sandbox.data_dir))) == asked

    def test_come_from_the_default_directory_when_nothing_runs(
        self, own_sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = own_sandbox.control("GET", "/credentials")
        own_sandbox.stop()
        shutil.copytree(own_sandbox.data_dir, tmp_path / "project" / ".sandbox")
        monkeypatch.chdir(tmp_path / "project")
        assert printed(run("credentials", "--url", f"http://127.0.0.1:{free_port()}")) == asked

    def test_cannot_come_from_nowhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        line = complaint(run("credentials", "--url", f"http://127.0.0.1:{free_port()}"))
        assert "cix-sandbox serve" in line

    def test_cannot_come_from_an_empty_directory(self, tmp_path: Path) -> None:
        assert "cix-sandbox serve" in complaint(run("credentials", "--data-dir", str(tmp_path)))
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("url", ["127.0.0.1:8765", "ftp://127.0.0.1", "http://"])
    def test_need_an_address_that_is_one(self, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert "http://127.0.0.1:8765" in complaint(run("credentials", "--url", url))


class TestSeedAndReset:
    SEED = json.dumps({"campaign_monitor": {"subscribers": [{"email": "anna@example.com"}]}})

    def test_take_a_file_and_standard_input(self, sandbox: RunningSandbox, tmp_path: Path) -> None:
        path = tmp_path / "seed.json"
        path.write_text(self.SEED)
        assert run("seed", "--url", sandbox.url, str(path)).exit_code == 0
        assert len(sandbox.members("campaign_monitor", LIST)) == 1
        assert run("seed", "--url", sandbox.url, "-", text=self.SEED.replace("anna", "ben")).exit_code == 0
        assert len(sandbox.members("campaign_monitor", LIST)) == 2
        assert run("reset", "--url", sandbox.url).exit_code == 0
        assert sandbox.members("campaign_monitor", LIST) == []

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("{", "does not fit"),
            ('{"campaign_monitr": {}}', "nearest: campaign_monitor"),
            ('{"campaign_monitor": {"subscribers": [{"email": "x"}]}}', "subscribers[0].email"),
        ],
    )
    def test_pass_on_the_explanation(self, sandbox: RunningSandbox, text: str, told: str) -> None:
        assert told in complaint(run("seed", "--url", sandbox.url, "-", text=text))

    @pytest.mark.parametrize("command", [["reset"], ["seed", "-"]])
    def test_say_when_nothing_runs(self, command: list[str]) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        assert url in complaint(run(command[0], "--url", url, *command[1:], text="{}"))

    def test_say_when_the_file_is_missing(self, sandbox: RunningSandbox, tmp_path: Path) -> None:
        result = run("seed", "--url", sandbox.url, str(tmp_path / "none.json"))
        assert result.exit_code == 2
        assert "none.json" in result.stderr


class TestSample:
    def test_writes_a_folder_and_its_seed_fits(self, sandbox: RunningSandbox, tmp_path: Path) -> None:
        result = run("sample", "--profiles", "200", "--seed", "3", str(tmp_path))
        assert result.exit_code == 0, result.stderr
        assert list(tmp_path.rglob("model.json"))
        seeded = run("seed", "--url", sandbox.url, str(tmp_path / "platform-seed.json"))
        assert seeded.exit_code == 0, seeded.stderr
        assert sandbox.members("campaign_monitor", LIST)

    def test_complains_about_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        assert "cannot write" in complaint(run("sample", "--profiles", "5", str(tmp_path / "file" / "export")))

    def test_needs_at_least_one_profile(self, tmp_path: Path) -> None:
        assert run("sample", "--profiles", "0", str(tmp_path)).exit_code == 2
