"""Activities: work that Constant Contact does by itself, from the request that begins it to its end."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from audience_sdk.errors import ANSWER_UNKNOWN, JOB_FAILED, JOB_UNFINISHED, STOPPED, THROTTLED, CixError
from audience_sdk.http import Reply
from audience_sdk.redaction import redacted

from target_constant_contact.answers import LOST, STATES, TERMINAL_STATES, error_of, is_queue_full, moment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from audience_sdk.http import Api

_logger = logging.getLogger(__name__)

_FIRST_POLL_SECONDS, _POLL_SECONDS = 0.5, 10.0
"""Wait before the second look at an activity, and the longest one; each wait is half as long again as the last."""

_FIRST_QUEUE_SECONDS, _QUEUE_SECONDS = 1.0, 30.0
"""The same for the waits while the platform's queue is full."""

_CLOCK_SKEW_SECONDS = 120
_PAGE = {"limit": 500}
_COUNTERS = {"person_count", "list_count"}
"""What imports and removals from lists count; an activity that counts neither, such as an export, is none of ours."""


@dataclass(frozen=True)
class Order:
    """What an activity is asked to do.

    Attributes:
        name: Last part of the path that begins it.
        body: The request.
        counter: A counter that only activities of this kind have.
        items: How many rows or contacts the request names; None if it names lists.
    """

    name: str
    body: bytes
    counter: str
    items: int | None = None

    def may_be(self, activity: Mapping[str, Any]) -> bool:
        """Say whether an activity can be the one that this order has begun.

        The service tells neither the kind nor the rows of an activity: there are its counters, once it works on it.

        Args:
            activity: An activity.
        """
        counters = activity.get("status") or {}
        if not counters:
            return True
        total = counters.get("items_total_count")
        # The total of an import counts a header row, even where there is none (vendor's API contract).
        return self.counter in counters and (self.items is None or total in {None, self.items, self.items + 1})


@dataclass(frozen=True)
class Begun:
    """An activity that the platform has accepted.

    Attributes:
        activity_id: Its id.
        taken_for: The order, without its body, if its answer was lost and the activity was found among the newest.
    """

    activity_id: str
    taken_for: Order | None = None


class RefusedError(Exception):
    """The platform did not accept an activity.

    Args:
        reply: Its answer.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"HTTP {reply.status}")
        self.reply = reply


class Activities:
    """Begins activities and asks how far they are. Safe to use from several threads.

    Args:
        api: The API.
        patience_seconds: How long a full queue of the platform is waited for.
    """

    def __init__(self, api: Api, patience_seconds: float) -> None:
        self._api = api
        self._patience_seconds = patience_seconds
        # One at a time: while the newest activities are searched for a lost one, no other of ours may begin.
        self._beginning = threading.Lock()
        self._ours: set[str] = set()
        self._seen: set[str] | None = None
        self._told_states: set[str] = set()

    def begin(self, order: Order) -> Begun:
        """Begin an activity.

        There is no key by which the platform would know an order again. After an answer that was lost, the newest
        activities are therefore looked through before the order is sent once more: an activity that was begun twice
        costs quota, and one that nobody waits for may put people back who have left in the meantime.

        Args:
            order: What it is to do.

        Raises:
            RefusedError: If the platform does not accept it.
            CixError: If the platform cannot be reached, or its queue stays full.
        """
        with self._beginning:
            if self._seen is None:
                self._newest()
            # What was there before is somebody else's, or an earlier run's.
            before = frozenset(self._seen or ())
            began_at = time.time()
            found: list[str] = []

            def look_first() -> Reply | None:
                activity = self._lost(order, before, began_at)
                if activity is None:
                    return None
                found.append(activity["activity_id"])
                return Reply(HTTPStatus.CREATED, {}, msgspec.json.encode(activity))

            reply = self._send(order, look_first)
            if not reply.ok:
                if reply.repeated:
                    # An attempt before may have been accepted.
                    error = error_of(reply, f"`{order.name}`")
                    error.in_doubt = True
                    raise error
                raise RefusedError(reply)
            body = reply.json()
            activity_id = body.get("activity_id") if isinstance(body, dict) else None
            if not isinstance(activity_id, str) or not activity_id:
                message = f"`{order.name}` was accepted (HTTP {reply.status}) without an `activity_id`."
                raise CixError(ANSWER_UNKNOWN, message, in_doubt=True)
            self._ours.add(activity_id)
            return Begun(activity_id, replace(order, body=b"") if found else None)

    def _send(self, order: Order, look_first: Callable[[], Reply | None]) -> Reply:
        give_up_at = time.monotonic() + self._patience_seconds
        pause = _FIRST_QUEUE_SECONDS
        repeated = False
        while True:
            try:
                reply = self._api.call("POST", f"/activities/{order.name}", body=order.body, look_first=look_first)
            except CixError as error:
                error.in_doubt = error.in_doubt or repeated
                raise
            repeated = repeated or reply.repeated
            if not is_queue_full(reply):
                return replace(reply, repeated=repeated)
            if time.monotonic() >= give_up_at:
                message = f"The platform's queue of activities has been full for {self._patience_seconds:.0f} s."
                raise CixError(THROTTLED, message, in_doubt=repeated)
            _logger.info("The platform's queue of activities is full; trying again in %.0f s.", pause)
            if self._api.stop.wait(pause):
                message = "Stopped while the platform's queue of activities was full."
                raise CixError(STOPPED, message, in_doubt=repeated)
            pause = min(_QUEUE_SECONDS, pause * 1.5)

    def _lost(self, order: Order, before: frozenset[str], began_at: float) -> dict[str, Any] | None:
        """Return the activity that an order whose answer was lost has begun, or None if it has begun none.

        Raises:
            CixError: `JOB_UNFINISHED` if several may be the one; the next run waits for their end.
        """
        found = []
        for activity in self._newest():
            mine = activity["activity_id"] not in before | self._ours and order.may_be(activity)
            if mine and _begun_since(activity, began_at):
                found.append(activity)
        if not found:
            return None
        if len(found) > 1:
            message = f"The answer to an order was lost, and {len(found)} activities may have come of it."
            raise CixError(JOB_UNFINISHED, message, in_doubt=True)
        [activity] = found
        _logger.info("Activity %s has begun though its answer was lost; not begun again.", activity["activity_id"])
        return activity

    def _newest(self) -> list[dict[str, Any]]:
        reply = self._api.call("GET", "/activities", params=_PAGE)
        if not reply.ok:
            raise error_of(reply, "Listing activities")
        body = reply.json()
        if not isinstance(body, dict):
            raise CixError(ANSWER_UNKNOWN, f"Listing activities: {redacted(reply.status, reply.body)}.")
        found = [each for each in body.get("activities") or () if each.get("activity_id")]
        self._seen = {*(self._seen or ()), *(each["activity_id"] for each in found)}
        return found

    def poll(self, activity_ids: Collection[str]) -> Mapping[str, dict[str, Any]]:
        """Return those activities that have ended.

        One listing holds the newest 500; older ones are asked for singly. The links in an activity are not reliable,
        its `activity_id` is.

        Args:
            activity_ids: The activities.

        Raises:
            CixError: If the platform does not answer.
        """
        self._ours.update(activity_ids)
        known = {each["activity_id"]: each for each in self._newest()}
        for activity_id in activity_ids:
            if activity_id not in known:
                known[activity_id] = self._one(activity_id)
            self._tell_unknown_state(known[activity_id])
        return {each: known[each] for each in activity_ids if known[each].get("state") in TERMINAL_STATES}

    def unfinished(self, since: float) -> set[str]:
        """Return the activities of the account, ours or not, that have begun since then and have not ended.

        Args:
            since: Seconds since the epoch; the platform's clock may be somewhat behind.

        Raises:
            CixError: If the platform does not answer.
        """
        return {
            each["activity_id"]
            for each in self._newest()
            if each.get("state") not in TERMINAL_STATES and _begun_since(each, since) and _may_be_an_order(each)
        }

    def wait_for(self, activity_id: str, seconds: float, what: str) -> None:
        """Wait until an activity is completed, or until the run is to stop.

        Args:
            activity_id: The activity.
            seconds: How long to wait at most.
            what: What it does, for the message.

        Raises:
            CixError: `JOB_FAILED` or `JOB_UNFINISHED`.
        """
        deadline = time.monotonic() + seconds
        pause = _FIRST_POLL_SECONDS
        while time.monotonic() < deadline:
            state = self._one(activity_id).get("state")
            if state == "completed":
                return
            if state in TERMINAL_STATES:
                raise CixError(JOB_FAILED, f"Activity {activity_id}, {what}, ended as `{state}`.")
            if self._api.stop.wait(pause):
                return
            pause = min(_POLL_SECONDS, pause * 1.5)
        raise CixError(JOB_UNFINISHED, f"Activity {activity_id}, {what}, did not end in time.")

    def _one(self, activity_id: str) -> dict[str, Any]:
        reply = self._api.call("GET", f"/activities/{activity_id}")
        if reply.status == HTTPStatus.NOT_FOUND:
            # Activities are kept for ten days.
            return {"activity_id": activity_id, "state": LOST}
        if not reply.ok:
            raise error_of(reply, f"Activity {activity_id}")
        activity: dict[str, Any] = reply.json() or {}
        return activity

    def _tell_unknown_state(self, activity: Mapping[str, Any]) -> None:
        state = str(activity.get("state"))
        if state not in STATES | TERMINAL_STATES and state not in self._told_states:
            self._told_states.add(state)
            _logger.warning("An activity is in a state that is not known here, `%.40s`; it is waited for.", state)


def _may_be_an_order(activity: Mapping[str, Any]) -> bool:
    """Say whether an activity may be one of those that an export begins; nothing is known before it is worked on."""
    counters = activity.get("status") or {}
    return not counters or not _COUNTERS.isdisjoint(counters)


def _begun_since(activity: Mapping[str, Any], moment: float) -> bool:
    created_at = moment_of(activity.get("created_at"))
    return created_at is None or created_at >= datetime.fromtimestamp(moment - _CLOCK_SKEW_SECONDS, timezone.utc)
