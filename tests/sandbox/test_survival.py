"""What the sandbox keeps when it is stopped, killed or started again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import threading
import time
from typing import TYPE_CHECKING

import pytest
import requests
from cix_sandbox.app import prepare
from cix_sandbox.campaign_monitor.backend import open_backend
from cix_sandbox.campaign_monitor.call import list_by_id
from cix_sandbox.campaign_monitor.roll import Subscriber
from cix_sandbox.campaign_monitor.states import State
from cix_sandbox.constant_contact import contact_store, emails
from cix_sandbox.constant_contact.ready import READY_ACCOUNT
from cix_sandbox.store import open_store, transaction
from cix_sandbox.testing import RunningSandbox
from cm_api import LIST, Api, pair, person

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

ANNA, BEN = "anna@example.com", "ben@example.org"


@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_everything_stored_survives(own_sandbox: RunningSandbox, ending: str) -> None:
    cm = Api(own_sandbox)
    second = cm.new_list("Second")
    cm.new_field("Colour")
    cm.post_import(person(ANNA, CustomFields=[pair("Colour", "Red")]), person(BEN))
    cm.remove(BEN)
    cm.seed(suppressed=[{"email": BEN}])
    cm.switch(long_value="ignore", add_delay_seconds=1000)
    cm.add(person("cara@example.net"))
    own_sandbox.advance(900)
    before, clock = cm.members(), own_sandbox.control("GET", "/clock")["now"]

    code = getattr(own_sandbox, ending)()
    assert code == {"stop": 0, "kill": -signal.SIGKILL}[ending]
    own_sandbox.start_again()

    assert cm.members() == before
    assert cm.suppressed() == [BEN]
    assert cm.get(f"/lists/{second}.json").json()["Title"] == "Second"
    switches = own_sandbox.control("GET", "/switches")
    assert switches["campaign_monitor.long_value"]["value"] == "ignore"
    assert own_sandbox.control("GET", "/clock")["now"] > clock
    own_sandbox.advance(200)
    assert cm.states() == {ANNA: "Active", BEN: "Deleted", "cara@example.net": "Active"}
    assert cm.result(person(ANNA))["TotalExistingSubscribers"] == 1


def test_every_import_that_was_answered_survives_a_kill_in_the_middle(own_sandbox: RunningSandbox) -> None:
    cm = Api(own_sandbox)
    killer = threading.Timer(0.5, own_sandbox.kill)
    killer.start()
    answered, batch = 0, 0
    try:
        while True:
            rows = [person(f"b{batch:05}-{number:04}@example.com") for number in range(500)]
            assert cm.post_import(*rows).status_code == 201
            answered += len(rows)
            batch += 1
    except requests.RequestException:
        killer.join()
    own_sandbox.start_again()
    stored = {member["email"].split("-")[0] for member in cm.members()}
    assert answered > 0
    assert {f"b{number:05}" for number in range(batch)} <= stored
    assert len(cm.members()) in (answered, answered + 500)


def test_a_restart_answers_at_the_same_address(own_sandbox: RunningSandbox) -> None:
    url = own_sandbox.url
    own_sandbox.stop()
    own_sandbox.start_again()
    assert own_sandbox.url == url
    assert own_sandbox.control("GET", "/health")["status"] == "ok"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_can_be_ended_as_soon_as_it_has_started(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    for _ in range(3):
        assert RunningSandbox(tmp_path)._end(number) == 0
    assert capfd.readouterr().err == ""


def test_a_client_that_breaks_off_is_no_trouble(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    running = RunningSandbox(tmp_path)
    port = int(running.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as client:
        head = f"POST /createsend/api/v3.3/subscribers/{LIST}/import.json HTTP/1.1\r\nHost: x\r\nContent-Length: 999"
        client.sendall(f"{head}\r\n\r\n{{".encode())
    deadline = time.monotonic() + 10
    while not running.requests("campaign_monitor") and time.monotonic() < deadline:
        time.sleep(0.02)
    (entry,) = running.requests("campaign_monitor")
    assert (entry["status"], entry["bytes_in"]) == (None, 1)
    assert running.stop() == 0
    assert capfd.readouterr().err == ""


def test_it_ends_although_a_request_hangs(own_sandbox: RunningSandbox) -> None:
    own_sandbox.fault("latency", seconds=600)
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{own_sandbox.campaign_monitor}/systemdate.json", timeout=0.2)
    assert own_sandbox.stop() == 0


def test_only_its_owner_can_read_the_store(own_sandbox: RunningSandbox) -> None:
    Api(own_sandbox).post_import(person(ANNA))
    files = [path for path in own_sandbox.data_dir.iterdir() if path.name.startswith("sandbox.db")]
    assert files
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nobody_but_this_machine_is_served(own_sandbox: RunningSandbox) -> None:
    with open(f"/proc/{own_sandbox.pid}/net/tcp") as table:  # noqa: PTH123  (a table of the kernel)
        port = f"{int(own_sandbox.url.rpartition(':')[2]):04X}"
        listening = [line.split()[1] for line in table if line.split()[3] == "0A"]
    assert [address for address in listening if address.endswith(f":{port}")] == [f"0100007F:{port}"]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A fresh store without a server."""
    with contextlib.closing(open_store(tmp_path)) as opened:
        prepare(opened)
        yield opened


def test_an_import_that_is_rolled_back_leaves_nothing_behind(connection: sqlite3.Connection) -> None:
    """The addresses in memory are checked against the store, also after a transaction that failed."""
    backend = open_backend(connection)
    target = list_by_id(connection, LIST)
    assert target is not None
    anna = Subscriber(0, target.no, ANNA, ANNA, "", "", "", State.ACTIVE, 0, 0, "{}")

    def fail_after_storing() -> None:
        with transaction(connection):
            backend.roll.store(target.no, [anna])
            assert backend.roll.find(target.no, ANNA) is not None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_storing()
    assert backend.roll.find(target.no, ANNA) is None
    with transaction(connection):
        backend.roll.store(target.no, [anna])
    found = backend.roll.find(target.no, ANNA)
    assert found is not None
    assert found.id > 0


def test_people_written_elsewhere_are_seen(connection: sqlite3.Connection) -> None:
    ours, theirs = open_backend(connection), open_backend(connection)
    target = list_by_id(connection, LIST)
    assert target is not None
    assert ours.roll.find(target.no, ANNA) is None
    anna = Subscriber(0, target.no, ANNA, ANNA, "", "", "", State.ACTIVE, 0, 0, "{}")
    with transaction(connection):
        theirs.roll.store(target.no, [anna])
    assert ours.roll.find(target.no, ANNA) is not None


def test_an_e_mail_that_is_rolled_back_is_nobodys(connection: sqlite3.Connection) -> None:
    """Also the contacts' e-mails in memory are checked against the store."""

    def fail_after_storing() -> None:
        with transaction(connection):
            keep_email(connection, ANNA)
            assert contact_store.by_email(connection, READY_ACCOUNT, ANNA) is not None
            raise ZeroDivisionError

    assert contact_store.by_email(connection, READY_ACCOUNT, ANNA) is None
    with pytest.raises(ZeroDivisionError):
        fail_after_storing()
    assert contact_store.by_email(connection, READY_ACCOUNT, ANNA) is None
    with transaction(connection):
        keep_email(connection, ANNA)
    assert contact_store.by_email(connection, READY_ACCOUNT, ANNA) is not None


def test_an_e_mail_that_changes_is_found_by_the_new_one_only(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        number = keep_email(connection, ANNA)
    with transaction(connection):
        contact_store.change(connection, number, {"email_key": BEN})
    assert contact_store.by_email(connection, READY_ACCOUNT, ANNA) is None
    found = contact_store.by_email(connection, READY_ACCOUNT, BEN)
    assert found is not None
    assert found["contact_seq"] == number


def test_e_mails_written_before_the_process_began_are_found(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(connection):
        keep_email(connection, ANNA)
    monkeypatch.setattr(emails, "_remembered", {})
    assert contact_store.by_email(connection, READY_ACCOUNT, ANNA) is not None


def keep_email(connection: sqlite3.Connection, email: str) -> int:
    """Store a contact with an e-mail and return its number."""
    row = contact_store.insert(connection, READY_ACCOUNT, "Account", 0)
    contact_store.change(connection, row["contact_seq"], {"email": email, "email_key": email})
    return int(row["contact_seq"])


def test_the_process_shows_no_data_in_its_arguments(own_sandbox: RunningSandbox) -> None:
    with open(f"/proc/{own_sandbox.pid}/cmdline") as arguments:  # noqa: PTH123  (a file of the kernel)
        assert "secret" not in arguments.read()
    assert os.path.isdir(own_sandbox.data_dir)  # noqa: PTH112  (reads better than a Path here)
