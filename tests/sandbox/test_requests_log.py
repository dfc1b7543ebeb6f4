"""The request log: what was asked, and nothing about anyone."""

from __future__ import annotations

import contextlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from cix_sandbox import requests_log
from cix_sandbox.clock import Clock
from cix_sandbox.requests_log import RequestLog
from cix_sandbox.store import open_store
from cm_api import LIST, TIMEOUT, Api, ask_token, authorize, pair, person

if TYPE_CHECKING:
    from pathlib import Path

    from cix_sandbox.testing import RunningSandbox

ANNA = "anna.secret@example.com"


def test_an_entry_tells_method_path_status_rows_and_bytes(cm: Api) -> None:
    body = json.dumps({"Subscribers": [person(ANNA), person("x")]}).encode()
    response = cm.request("POST", f"/subscribers/{LIST}/import.json", data=body)
    (entry,) = cm.sandbox.requests("campaign_monitor")
    assert entry.pop("time").startswith("20")
    assert entry == {
        "seq": 1,
        "platform": "campaign_monitor",
        "method": "POST",
        "path": f"/createsend/api/v3.3/subscribers/{LIST}/import.json",
        "query": [],
        "status": 400,
        "rows": 2,
        "bytes_in": len(body),
        "bytes_out": len(response.content),
        "faults": [],
    }


@pytest.mark.parametrize(
    ("method", "path", "rows"),
    [
        ("GET", "/systemdate.json", None),
        ("DELETE", f"/subscribers/{LIST}.json?email={ANNA}", 1),
        ("GET", f"/lists/{LIST}/active.json", 0),
        ("GET", "/nothing.json", None),
    ],
)
def test_rows_are_the_people_that_a_request_is_about(cm: Api, method: str, path: str, rows: int | None) -> None:
    cm.request(method, path)
    assert [entry["rows"] for entry in cm.sandbox.requests("campaign_monitor")] == [rows]


def test_nothing_about_anyone_is_logged(cm: Api, sandbox: RunningSandbox) -> None:
    cm.post_import(person(ANNA, Name="Anna Secret", CustomFields=[pair("City", "Secretville")]))
    cm.get(f"/subscribers/{LIST}.json", email=ANNA)
    cm.request("GET", f"/subscribers/{LIST}/{ANNA}.json?{ANNA}=1&x={ANNA}")
    cm.request("GET", f"/subscribers/anna.secret%40example.com.json?{ANNA}")
    cm.remove(ANNA)
    authorize(sandbox, state="secret-state")
    ask_token(sandbox, grant_type="refresh_token", refresh_token="secret-token")
    requests.get(f"{sandbox.campaign_monitor}/x.json", auth=("secret-key", ANNA), timeout=TIMEOUT)
    text = json.dumps(sandbox.control("GET", "/requests"))
    assert len(sandbox.requests("campaign_monitor")) == 8
    assert "secret" not in text.lower()
    assert "@" not in text
    assert '"email"' in text


def test_requests_can_be_asked_for_by_platform_and_from_a_number(cm: Api, sandbox: RunningSandbox) -> None:
    for _ in range(3):
        cm.get("/systemdate.json")
    requests.get(f"{sandbox.constant_contact}/contact_lists", timeout=TIMEOUT)
    everything: list[dict[str, Any]] = sandbox.control("GET", "/requests")["requests"]
    assert [entry["seq"] for entry in everything] == [1, 2, 3, 4]
    assert [entry["platform"] for entry in everything] == ["campaign_monitor"] * 3 + ["constant_contact"]
    since = sandbox.control("GET", "/requests?since=2")["requests"]
    assert [entry["seq"] for entry in since] == [3, 4]
    ours = sandbox.control("GET", "/requests?since=2&platform=campaign_monitor")["requests"]
    assert [entry["seq"] for entry in ours] == [3]


@pytest.mark.parametrize("query", ["since=x", "since=-1", "platform=mailer"])
def test_a_wrong_question_is_explained(sandbox: RunningSandbox, query: str) -> None:
    response = requests.get(f"{sandbox.url}/sandbox/requests?{query}", timeout=TIMEOUT)
    assert response.status_code == 400
    assert response.json()["error"]


def test_the_log_can_be_cleared(cm: Api, sandbox: RunningSandbox) -> None:
    cm.get("/systemdate.json")
    sandbox.control("DELETE", "/requests")
    assert sandbox.requests("campaign_monitor") == []
    cm.get("/systemdate.json")
    assert [entry["seq"] for entry in sandbox.requests("campaign_monitor")] == [1]


def test_what_is_being_answered_when_the_log_is_cleared_is_not_in_it(cm: Api, sandbox: RunningSandbox) -> None:
    """The answer to a process that was killed must not turn up in the log of what comes after."""
    sandbox.fault("slow_answer", platform="campaign_monitor", path="lists.json", seconds=1)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(cm.get, "/clients/x/lists.json")
        while not sandbox.control("GET", "/faults")["faults"][0]["struck"]:
            time.sleep(0.01)
        sandbox.control("DELETE", "/requests")
        assert not asking.done()
    assert sandbox.requests("campaign_monitor") == []


def test_the_control_api_itself_is_not_logged(sandbox: RunningSandbox) -> None:
    sandbox.control("GET", "/health")
    assert sandbox.control("GET", "/requests") == {"requests": []}


def test_the_log_keeps_the_most_recent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests_log, "CAPACITY", 50)
    with contextlib.closing(open_store(tmp_path)) as connection:
        log = RequestLog(Clock(connection))
    facts = {"platform": "p", "method": "GET", "path": "/", "query": [], "status": 200, "rows": None}
    for _ in range(55):
        log.add(**facts, bytes_in=0, bytes_out=0, faults=[])
    entries = log.entries()
    assert len(entries) == 50
    assert entries[0]["seq"] == 6
