"""Opaque links: where the next page, or the next changes, begin.

A link belongs to the query that it came from. Whoever changes that query gets an error, as the service asks to use
the links as they are.
"""

from __future__ import annotations

import base64
import json
import re
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

from cix_sandbox.dataverse.errors import EXPIRED_VERSION, INVALID_ARGUMENT, Refusal, invalid
from cix_sandbox.dataverse.query import DELTA_TOKEN, SKIP_TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

_COOKIE = re.compile(r'<cookie pagenumber="\d+" pagingcookie="([\w=-]+)" istracking="(?:True|False)" />')
_DELTA = re.compile(r"(\d+)!(\d+)")
_DAY_SECONDS = 86_400


class Position(NamedTuple):
    """Where a page begins.

    Attributes:
        page: Its number, from 1.
        after: The key of the row before it, or the number of rows before it where the order is the query's own.
        version: Where tracked changes are counted from, if they are.
        issued: When the link was given out, seconds since 1970-01-01 UTC.
    """

    page: int
    after: str | int
    version: int | None
    issued: float


def skip_token(position: Position, options: Mapping[str, str], set_name: str) -> str:
    """Return the token of a page."""
    content = json.dumps([*position, _digest(options, set_name)]).encode()
    cookie = base64.urlsafe_b64encode(content).decode()
    tracking = position.version is not None
    return f'<cookie pagenumber="{position.page}" pagingcookie="{cookie}" istracking="{tracking}" />'


def read_skip_token(options: Mapping[str, str], set_name: str, now: float, seconds: float) -> Position | None:
    """Return where the page of a request begins; None for the first.

    Args:
        options: The query options.
        set_name: The table's name in the URL.
        now: Seconds since 1970-01-01 UTC.
        seconds: How long a link is good; 0 for ever.

    Raises:
        Refusal: The token is none, is of another query, or has expired.
    """
    token = options.get(SKIP_TOKEN)
    if token is None:
        return None
    found = _COOKIE.fullmatch(token)
    try:
        *parts, digest = json.loads(base64.urlsafe_b64decode(found[1])) if found else [None]
        position = Position(*parts)
    except (ValueError, TypeError):
        raise expired_page() from None
    if digest != _digest(options, set_name):
        raise expired_page()
    if seconds and now - position.issued > seconds:
        raise expired_page()
    return position


def expired_page() -> Refusal:
    """Return the refusal of a nextLink that is no good any more."""
    return invalid("Invalid paging cookie: start the query again from its first page.", INVALID_ARGUMENT)


def delta_token(version: int, now: float) -> str:
    """Return the token of changes after a version."""
    return f"{version}!{int(now)}"


def read_delta_token(options: Mapping[str, str], now: float, days: float) -> int | None:
    """Return the version after which changes are asked for; None if that is not asked.

    Raises:
        Refusal: The token is none or has expired.
    """
    token = options.get(DELTA_TOKEN)
    if token is None:
        return None
    found = _DELTA.fullmatch(token)
    if not found:
        raise invalid(f"Invalid value for {DELTA_TOKEN}.", INVALID_ARGUMENT)
    if now - int(found[2]) > days * _DAY_SECONDS:
        raise expired_delta()
    return int(found[1])


def expired_delta() -> Refusal:
    """Return the refusal of a delta link that is no good any more."""
    return invalid("Version stamp associated with the client has expired. Please perform a full sync.", EXPIRED_VERSION)


def link(base: str, query: str, token: str, value: str) -> str:
    """Return the address of a page or of changes.

    Args:
        base: Address of the table.
        query: The query of the request that is continued, as it was sent.
        token: Name of the token, `SKIP_TOKEN` or `DELTA_TOKEN`.
        value: The token.
    """
    gone = {SKIP_TOKEN, token}
    parts = [part for part in query.split("&") if part and unquote(part.split("=")[0]) not in gone]
    return f"{base}?{'&'.join([*parts, f'{token}={quote(value, safe=chr(33))}'])}"


def _digest(options: Mapping[str, str], set_name: str) -> str:
    query = sorted((name, value) for name, value in options.items() if name != SKIP_TOKEN)
    return blake2b(json.dumps([set_name, query]).encode(), digest_size=8).hexdigest()
