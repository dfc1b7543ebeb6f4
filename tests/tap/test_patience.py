"""Waiting for files is bounded in all, not for each of them."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import pytest
from audience_sdk.errors import PARTITION_MISSING, CixError
from tap_cix_segments.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """A clock that moves only while somebody sleeps or works."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    return clock


def there_from(clock: Clock, moment: float) -> Callable[[], str]:
    """A file that is there from some moment on."""

    def look() -> str:
        if clock.now < moment:
            raise CixError(PARTITION_MISSING, "it is not there.")
        return "found"

    return look


def test_time_waited_counts_whether_the_file_came_or_not(clock: Clock) -> None:
    patience = Patience(60, logging.getLogger("test"))
    began = clock.now
    for _ in range(2):
        assert patience.wait(there_from(clock, clock.now + 25), worth_waiting={PARTITION_MISSING}) == "found"
    with pytest.raises(CixError):
        patience.wait(there_from(clock, clock.now + 25), worth_waiting={PARTITION_MISSING})
    assert clock.now - began <= 60 + 10, "one pause at most beyond the end"


def test_looking_at_what_is_there_costs_no_patience(clock: Clock) -> None:
    patience = Patience(60, logging.getLogger("test"))

    def look_slowly() -> str:
        clock.sleep(100)
        return "found"

    assert patience.wait(look_slowly, worth_waiting={PARTITION_MISSING}) == "found"
    assert patience.wait(there_from(clock, clock.now + 25), worth_waiting={PARTITION_MISSING}) == "found"
