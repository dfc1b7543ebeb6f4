"""Waits for files that are being written, for a bounded time in all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from audience_sdk.errors import CixError, ErrorCode
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_exponential

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection

Found = TypeVar("Found")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


class Patience:
    """What is left of the time to wait.

    Args:
        seconds: How long to wait in all.
        logger: Is told what is waited for.
    """

    def __init__(self, seconds: float, logger: logging.Logger) -> None:
        self._left = seconds
        self._logger = logger

    def wait(
        self,
        attempt: Callable[[], Found],
        *,
        worth_waiting: Collection[ErrorCode],
        before_next: Callable[[], None] = lambda: None,
    ) -> Found:
        """Try something until it succeeds, or the time is up.

        Args:
            attempt: What is tried.
            worth_waiting: The errors after which it is tried again.
            before_next: What to do before each further attempt.

        Returns:
            What the attempt returned.

        Raises:
            CixError: As the last attempt raised it.
        """
        began: float | None = None

        def before_sleep(state: RetryCallState) -> None:
            nonlocal began
            if began is None:
                began = time.monotonic()
                error = state.outcome.exception() if state.outcome else None
                self._logger.warning("Waiting up to %.0f s, since a file may be being written: %s", self._left, error)
            before_next()

        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, CixError) and error.code in worth_waiting),
            wait=wait_exponential(multiplier=_FIRST_PAUSE, max=min(_LONGEST_PAUSE, max(self._left, 0))),
            stop=stop_after_delay(self._left),
            before_sleep=before_sleep,
            reraise=True,
        )
        try:
            return retrying(attempt)
        finally:
            if began is not None:
                self._left -= time.monotonic() - began
