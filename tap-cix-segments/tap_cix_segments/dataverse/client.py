"""Reads the Dataverse Web API: pages, budgets, and what its refusals mean.

Facts: https://learn.microsoft.com/power-apps/developer/data-platform/webapi/ (`query/page-results`,
`compose-http-requests-handle-errors`) and `../api-limits`.
"""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import msgspec
from audience_sdk.errors import PLATFORM_UNREACHABLE, RIGHT_MISSING, SOURCE_ANSWER_WRONG, TABLE_MISSING, CixError
from audience_sdk.http import CHECK_ATTEMPTS, Again, Api, Reply, again_on_faults
from pyrate_limiter import Limiter, Rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from requests.auth import AuthBase

API_PATH = "/api/data/v9.2"
PAGE_SIZE = 5000
"""Rows per page; Dataverse takes no more."""
WINDOW_BUDGET = Rate(6000, 300_000)
"""Requests per user in a sliding window of five minutes (milliseconds here), by Dataverse's service protection.

The other two budgets of that protection, 1,200 s of execution per window and 52 requests at a time, cannot be exceeded
by the tap: it has one request under way at a time.
"""
ATTEMPTS = 8
"""How often one request is sent at most; with the waits that Dataverse asks for, that outlasts a window."""

PROTECTION_CODES = {
    "0x80072322": "6,000 requests in five minutes",
    "0x80072321": "1,200 seconds of execution in five minutes",
    "0x80072326": "52 requests at a time",
}
NO_USER_CODES = {
    "0x80072560": "the application is no user of the environment",
    "0x80072561": "the application is no user of the environment",
    "0x80040225": "the application user is switched off",
}
"""Codes of a 403 that concern the user, not a table."""

_HEADERS = {
    "Accept": "application/json",
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
    "If-None-Match": "null",
}
_PRIVILEGE = re.compile(r"\bprv\w+")
_READING_ROLE = "Customer Insights Data Read Access"
_VIEWING_ROLE = "Customer Insights Data Configuration Viewer"
_logger = logging.getLogger(__name__)
logging.getLogger("pyrate_limiter").setLevel(logging.WARNING)

_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=str)
"""Numbers with a fraction stay text, with every digit."""


class LinkExpiredError(Exception):
    """The link to the next page is no longer good, so that the reading of a table broke off."""


class Dataverse:
    """One environment's Web API, read-only, one request at a time.

    Args:
        organization_url: The organisation's URL, without a slash at its end.
        auth: Adds the access token.
        renew: Gets another access token, as `Api.renew`.
    """

    def __init__(self, organization_url: str, auth: AuthBase, renew: Any = None) -> None:
        self._base = organization_url + API_PATH
        self._answered = False
        self._api = Api(self._base, auth, again=_again, renew=renew, limiter=Limiter(WINDOW_BUDGET), attempts=ATTEMPTS)

    def get(self, path: str, options: Mapping[str, str], *, table: str) -> dict[str, Any]:
        """Send one request.

        Args:
            path: Path below the API's, with its slash.
            options: Query options, such as `$select`.
            table: The table that it is about, for error messages.

        Returns:
            The body.

        Raises:
            CixError: The answer is no success, or none came.
        """
        return _body(self._call(path + _query(options), {}, table), table)

    def pages(
        self, entity_set: str, options: Mapping[str, str], *, table: str, size: int = PAGE_SIZE
    ) -> Iterator[list[dict[str, Any]]]:
        """Read rows page by page, by the links that Dataverse gives.

        Args:
            entity_set: The table's entity set.
            options: Query options.
            table: The table, for error messages.
            size: Rows per page at most.

        Yields:
            The rows of a page; there may be none although more pages follow.

        Raises:
            CixError: An answer is no success, or none came.
            LinkExpiredError: A link to a further page is refused.
        """
        preference = {"Prefer": f"odata.maxpagesize={min(size, PAGE_SIZE)}"}
        link: str | None = f"/{entity_set}{_query(options)}"
        first = True
        followed: set[int] = set()
        while link:
            reply = self._call(link, preference, table)
            if not first and reply.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
                raise LinkExpiredError(f"HTTP {reply.status}")
            body = _body(reply, table)
            rows = body.get("value")
            if not isinstance(rows, list):
                raise CixError(SOURCE_ANSWER_WRONG, f"Dataverse answered without rows for the table {table}.")
            yield rows
            link = self._next_link(body, followed, table)
            first = False

    def _next_link(self, body: dict[str, Any], followed: set[int], table: str) -> str | None:
        following = body.get("@odata.nextLink")
        if not following:
            return None
        if not self._is_ours(following):
            message = f"The link to the next page of {table} leads away from `organization_url`; it is not followed."
            raise CixError(SOURCE_ANSWER_WRONG, message)
        if hash(following) in followed:  # a link can have 2,000 characters, and a table thousands of pages
            message = f"The link to the next page of {table} leads to a page that was read before."
            raise CixError(SOURCE_ANSWER_WRONG, message)
        followed.add(hash(following))
        return str(following)

    def _is_ours(self, link: Any) -> bool:
        if not isinstance(link, str):
            return False
        ours, theirs = urlsplit(self._base), urlsplit(link)
        # The whole authority is compared, so that no user or password in front of a host deceives.
        same_place = (theirs.scheme.lower(), theirs.netloc.lower()) == (ours.scheme.lower(), ours.netloc.lower())
        return same_place and theirs.path.startswith(f"{ours.path}/") and ".." not in theirs.path.split("/")

    def _call(self, path: str, headers: Mapping[str, str], table: str) -> Reply:
        try:
            # Before there was an answer, the environment may be down for long or the URL wrong: that is said early.
            attempts = None if self._answered else CHECK_ATTEMPTS
            reply = self._api.call("GET", path, headers={**_HEADERS, **headers}, attempts=attempts)
        except CixError as error:
            if error.code is PLATFORM_UNREACHABLE:
                action = "Check `organization_url` and the network, then run again: nothing was sent."
                in_sandbox = "sandbox" in error.action
                message = f"Dataverse, table {table}: {error.message}"
                raise CixError(error.code, message, error.action if in_sandbox else action) from None
            raise
        self._answered = True
        return reply


def _query(options: Mapping[str, str]) -> str:
    return "?" + "&".join(f"{name}={quote(value, safe='$,()')}" for name, value in options.items()) if options else ""


def _again(reply: Reply) -> Again | None:
    again = again_on_faults(reply)
    if again is Again.THROTTLED:
        limit = PROTECTION_CODES.get(_error(reply)[0], "an unnamed limit")
        _logger.warning("Dataverse asks to slow down: %s.", limit)
    return again


def _error(reply: Reply) -> tuple[str, str]:
    """Return the code and the message of an error; the message can quote the query, so it is not to be shown."""
    content = reply.json()
    error = content.get("error") if isinstance(content, dict) else None
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("code", "")).lower(), str(error.get("message", ""))


def _body(reply: Reply, table: str) -> dict[str, Any]:
    if not reply.ok:
        raise _refusal(reply, table)
    try:
        return _decoder.decode(reply.body)
    except msgspec.DecodeError:
        raise CixError(SOURCE_ANSWER_WRONG, f"Dataverse answered with something else than JSON for {table}.") from None


def _refusal(reply: Reply, table: str) -> CixError:
    code, message = _error(reply)
    shown = f"HTTP {reply.status}" + (f", {code}" if code else "")
    if reply.status == HTTPStatus.UNAUTHORIZED:
        return CixError(
            RIGHT_MISSING,
            f"Dataverse does not take the access token ({shown}).",
            "Check that `organization_url` is that of the environment and belongs to the tenant of the login, and that"
            " the application is an application user there.",
        )
    if reply.status == HTTPStatus.FORBIDDEN and code in NO_USER_CODES:
        return CixError(
            RIGHT_MISSING,
            f"Dataverse refuses the login: {NO_USER_CODES[code]} ({shown}).",
            "In the Power Platform admin center, open the environment, Settings, Users + permissions, Application"
            f" users, and add the app registration with the roles `{_READING_ROLE}` and `{_VIEWING_ROLE}`.",
        )
    if reply.status == HTTPStatus.FORBIDDEN:
        privilege = _PRIVILEGE.search(message)
        named = f", privilege {privilege[0]}" if privilege else ""
        return CixError(
            RIGHT_MISSING,
            f"The application user may not read the table {table} ({shown}{named}).",
            f"Give it the security roles `{_READING_ROLE}` and `{_VIEWING_ROLE}` in the Power Platform admin center.",
        )
    if reply.status == HTTPStatus.NOT_FOUND:
        return CixError(TABLE_MISSING, f"Dataverse has no table {table} ({shown}).")
    return CixError(SOURCE_ANSWER_WRONG, f"Dataverse refused a request about {table} ({shown}).")
