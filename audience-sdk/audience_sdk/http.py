"""One way to talk to a platform: a session that paces, retries, counts, and never logs what it carries."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field, replace
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import msgspec
import requests
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter
from urllib3.exceptions import NewConnectionError

from audience_sdk.errors import PLATFORM_UNREACHABLE, STOPPED, THROTTLED, URL_INSECURE, CixError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests.auth import AuthBase

# Its debug lines quote the query of a request, where an address can stand.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

LOOPBACK = {"127.0.0.1", "::1", "localhost"}

_QUIET_WAIT_SECONDS = 10.0
_logger = logging.getLogger(__name__)


@dataclass
class Traffic:
    """What a run has asked of a platform.

    Attributes:
        requests: Requests sent, retries included.
        retries: Requests sent again after no answer, a fault of the platform or a throttle.
        bytes: Bytes of request bodies sent.
    """

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, body_bytes: int, retry: bool) -> None:
        """Count one request."""
        with self._lock:
            self.requests += 1
            self.retries += retry
            self.bytes += body_bytes


@dataclass(frozen=True)
class Reply:
    """A platform's answer.

    Attributes:
        status: HTTP status.
        headers: Headers; names in any case.
        body: The body as it came.
        authorization: The `Authorization` header that the request had.
        repeated: Whether an attempt before had no answer, so that it may have been carried out.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    authorization: str = field(default="", repr=False)
    repeated: bool = False

    @property
    def ok(self) -> bool:
        """Whether the status is a 2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of success codes

    def json(self) -> Any:
        """Return the decoded body, or None where it is no JSON (a gateway's HTML, or nothing)."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None


CHECK_ATTEMPTS = 3
"""Attempts of the first request of a run: nothing is under way yet, so a platform that is down may be said early."""


class Again(Enum):
    """Why a request is to be sent again."""

    FAULT = "the platform had a fault"
    UNSENT = "there was no connection"
    THROTTLED = "the platform asked to slow down"


class _TryAgainError(Exception):
    def __init__(self, why: Again, detail: str, wait_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.why = why
        self.wait_seconds = wait_seconds


def unauthorised(reply: Reply) -> bool:
    """Say whether an answer tells that the access token is no longer good.

    Args:
        reply: The answer.
    """
    return reply.status == HTTPStatus.UNAUTHORIZED


def again_on_faults(reply: Reply) -> Again | None:
    """Say whether an answer is worth a retry on any platform: 429 and the 5xx codes.

    Args:
        reply: The answer.
    """
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Again.THROTTLED
    if reply.status // 100 == 5:  # noqa: PLR2004 - the class of server faults
        return Again.FAULT
    return None


class Pace(Protocol):
    """Whatever a request waits for before it is sent."""

    def try_acquire(self, name: str) -> object:
        """Wait until a request may be sent.

        Args:
            name: What it is counted as.
        """


@dataclass
class Api:
    """A platform's API.

    Attributes:
        base_url: Everything up to the version, without a slash at the end.
        auth: Adds the credentials to a request.
        again: Says whether an answer is worth a retry.
        renew: Gets another access token in place of the one in a refused `Authorization` header, where that can be.
        expired: Says whether an answer calls for `renew`.
        traffic: Counts what is sent.
        limiter: The budget that every request is taken from, if the platform has one.
        attempts: How often one request is sent at most.
        read_timeout: Longest wait for an answer, seconds.
        longest_wait: Seconds; a platform that asks for a longer wait is left alone: the run ends, a later one goes on.
        stop: Set when the run is to stop; no retry begins after that.
    """

    base_url: str
    auth: AuthBase | None
    again: Callable[[Reply], Again | None] = again_on_faults
    renew: Callable[[str], None] | None = None
    expired: Callable[[Reply], bool] = unauthorised
    traffic: Traffic = field(default_factory=Traffic)
    limiter: Pace | None = None
    attempts: int = 6
    read_timeout: float = 120.0
    longest_wait: float = 300.0
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Open the session."""
        self._session = requests.Session()
        # Credentials come from the settings alone, never from a .netrc; proxies of the environment still count.
        self._session.auth = self.auth or _no_auth
        adapter = HTTPAdapter(pool_maxsize=16)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        attempts: int | None = None,
        look_first: Callable[[], Reply | None] | None = None,
    ) -> Reply:
        """Send a request until it has an answer that is final.

        Args:
            method: HTTP method.
            path: Path below the base URL, with its slash; or a whole URL of the platform's.
            body: JSON body.
            params: Query parameters.
            headers: Further headers.
            attempts: Send it so often at most, where fewer will do than for the rest.
            look_first: Called before the request is sent again though it may have been carried out; what it returns is
                the answer then, unless it is None.

        Returns:
            The answer, of whatever status.

        Raises:
            CixError: `PLATFORM_UNREACHABLE`, `THROTTLED` or `STOPPED` once the attempts are used up.
        """
        request = requests.Request(
            method,
            path if "://" in path else self.base_url + path,
            data=body,
            params=params,
            headers={"Accept": "application/json", "Content-Type": "application/json", **(headers or {})},
        )
        attempts = min(self.attempts, attempts or self.attempts)
        reply = self._send_until_final(request, attempts, look_first)
        if self.renew is not None and self.expired(reply):
            try:
                self.renew(reply.authorization)
            except CixError as error:
                error.in_doubt = reply.repeated
                raise
            reply = self._send_until_final(request, attempts, look_first, in_doubt=reply.repeated)
        return reply

    def _send_until_final(
        self,
        request: requests.Request,
        attempts: int,
        look_first: Callable[[], Reply | None] | None,
        *,
        in_doubt: bool = False,
    ) -> Reply:
        retrying = Retrying(
            retry=retry_if_exception_type(_TryAgainError),
            stop=stop_after_attempt(attempts),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            for attempt in retrying:
                with attempt:
                    found = look_first() if in_doubt and look_first is not None else None
                    if found is not None:
                        return found
                    try:
                        reply = self._send_once(request, retry=attempt.retry_state.attempt_number > 1)
                    except _TryAgainError as error:
                        # A request that only reads changes nothing, whatever became of it.
                        in_doubt = in_doubt or (error.why is Again.FAULT and request.method != "GET")
                        raise
                    return replace(reply, repeated=in_doubt)
        except _TryAgainError as error:
            raise self._given_up(error, attempts, in_doubt=in_doubt) from error.__cause__
        except CixError as error:
            error.in_doubt = error.in_doubt or in_doubt
            raise
        raise AssertionError("tenacity returns or raises")  # pragma: no cover

    def _send_once(self, request: requests.Request, *, retry: bool) -> Reply:
        if self.limiter is not None:
            self.limiter.try_acquire("request")
        try:
            prepared = self._session.prepare_request(request)
        except CixError as error:
            # What befell the request for a token says nothing about this one, which has not been sent.
            error.in_doubt = False
            raise
        self.traffic.add(body_bytes=len(prepared.body or b""), retry=retry)
        try:
            response = self._session.send(prepared, timeout=(10, self.read_timeout), allow_redirects=False)
        except requests.RequestException as error:
            never_sent = isinstance(error, requests.ConnectTimeout) or _refused(error)
            raise _TryAgainError(Again.UNSENT if never_sent else Again.FAULT, type(error).__name__) from error
        reply = Reply(
            response.status_code, response.headers, response.content, prepared.headers.get("Authorization", "")
        )
        why = self.again(reply)
        if why is not None:
            asked = _asked_wait(reply)
            if asked is not None and asked > self.longest_wait:
                raise CixError(THROTTLED, f"The platform asks to wait {asked:.0f} s before the next request.")
            raise _TryAgainError(why, f"HTTP {reply.status}", asked)
        return reply

    def _sleep(self, seconds: float) -> None:
        if seconds > _QUIET_WAIT_SECONDS:
            _logger.info("Waiting %.0f s before a request is sent again.", seconds)
        if self.stop.wait(seconds):
            raise CixError(STOPPED, "Stopped while waiting to send a request again.")

    def _given_up(self, error: _TryAgainError, attempts: int, *, in_doubt: bool) -> CixError:
        host = urlsplit(self.base_url)
        place = f"{host.scheme}://{host.netloc}"
        if error.why is Again.THROTTLED:
            return CixError(THROTTLED, f"{place} refused {attempts} attempts in a row ({error}).", in_doubt=in_doubt)
        message = f"{place} could not be reached in {attempts} attempts ({error})."
        action = None
        if host.hostname in LOOPBACK:
            action = "If this is the sandbox, start it with `make sandbox` and run again."
        return CixError(PLATFORM_UNREACHABLE, message, action, in_doubt=in_doubt)


def check_url(setting: str, url: str) -> str:
    """Return a base URL without a slash at its end, if it is safe to send secrets to.

    Args:
        setting: The setting that holds it.
        url: The URL.

    Raises:
        CixError: `URL_INSECURE` for `http://` to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise CixError(URL_INSECURE, f"Setting `{setting}` does not begin with `https://`.")
    return url.rstrip("/")


def _refused(error: requests.RequestException) -> bool:
    """Say whether there was no connection at all, so that nothing can have arrived."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


_backoff = wait_exponential_jitter(multiplier=0.5, max=60, jitter=1)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait_seconds if isinstance(error, _TryAgainError) else None
    return max(asked, _backoff(state)) if asked is not None else _backoff(state)


def _asked_wait(reply: Reply) -> float | None:
    asked = reply.headers.get("Retry-After") or reply.headers.get("X-RateLimit-Reset") or ""
    # A date instead of seconds is legal, and unknown of these platforms: the back-off serves then.
    return float(asked) if asked.replace(".", "", 1).isdecimal() else None
