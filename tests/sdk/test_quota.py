"""A day's requests are counted for all processes together, and the day ends at midnight UTC."""

from __future__ import annotations

import stat
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from audience_sdk import quota
from audience_sdk.errors import QUOTA_SPENT, CixError
from audience_sdk.http import Api
from audience_sdk.quota import Budget, DailyQuota
from audience_sdk.services import Services
from audience_sdk.settings import Settings
from loopback import Answer, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "budget.days"


@contextmanager
def budget_of(folder: Path, connection: str, per_day: int | None) -> Iterator[Budget]:
    """A budget, whose file is closed afterwards as at the end of a process."""
    budget = services_of(folder).budget(connection, 1_000, per_day)
    with budget.pace:
        yield budget


def services_of(folder: Path) -> Services:
    config = {
        "ledger_url": f"sqlite:///{folder / 'ledger.db'}",
        "max_rejected_ratio": 1,
        "max_removal_ratio": 1,
        "sync_mode": "upsert",
        "on_leave": "remove",
        **dict.fromkeys(("max_profiles", "removal_floor", "ask_suppressed_again_days", "max_attempts"), 1),
        "read_back_sample": 0,
    }
    return Services(Settings.of(config))


def test_the_last_request_of_the_day_goes_out_and_the_next_does_not(path: Path) -> None:
    day = DailyQuota(path, 3)
    for left in (2, 1, 0):
        day.take()
        assert day.left() == left
    with pytest.raises(CixError) as caught:
        day.take()

    assert caught.value.code is QUOTA_SPENT
    assert caught.value.exit_code == 75
    assert "00:00 UTC" in caught.value.message
    assert day.left() == 0


def test_the_next_day_begins_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "_today", lambda: "2030-01-31")
    DailyQuota(path, 1).take()
    monkeypatch.setattr(quota, "_today", lambda: "2030-02-01")
    day = DailyQuota(path, 1)

    assert day.left() == 1
    day.take()
    assert day.left() == 0


_TAKE = """
import sys
from pathlib import Path
from audience_sdk.errors import CixError
from audience_sdk.quota import DailyQuota
taken = 0
for _ in range(30):
    try:
        DailyQuota(Path(sys.argv[1]), 50).take()
        taken += 1
    except CixError:
        pass
print(taken)
"""


def test_processes_share_the_day(path: Path) -> None:
    command = [sys.executable, "-c", _TAKE, str(path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]

    assert sum(int(process.communicate(timeout=60)[0]) for process in processes) == 50
    assert DailyQuota(path, 50).left() == 0


def test_only_the_owner_can_read_the_count(path: Path) -> None:
    DailyQuota(path, 1).take()

    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}


def test_a_retry_counts_and_a_spent_day_sends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audience_sdk.http._wait", lambda _state: 0)
    with budget_of(tmp_path, "a client", 2) as budget, serving(Answer(503), Answer(200)) as server:
        api = Api(server.url, None, limiter=budget)
        assert api.call("GET", "/").status == 200
        assert budget.left() == 0
        with pytest.raises(CixError) as caught:
            api.call("GET", "/")

    assert caught.value.code is QUOTA_SPENT
    assert not caught.value.in_doubt
    assert len(server.requests) == 2


@pytest.mark.parametrize("per_day", [None, 0])
def test_without_a_daily_bound_nothing_is_counted(tmp_path: Path, per_day: int | None) -> None:
    with budget_of(tmp_path, "a client", per_day) as budget:
        budget.try_acquire("request")

        assert isinstance(budget, Budget)
        assert budget.left() is None


def test_two_connections_have_budgets_of_their_own_and_one_has_one(tmp_path: Path) -> None:
    with budget_of(tmp_path, "one", 10) as budget:
        budget.try_acquire("request")

    with budget_of(tmp_path, "one", 10) as same, budget_of(tmp_path, "another", 10) as another:
        assert same.left() == 9
        assert another.left() == 10
