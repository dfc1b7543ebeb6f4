"""Listings of Constant Contact, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from audience_sdk.errors import ANSWER_UNKNOWN, CixError
from audience_sdk.redaction import redacted

from target_constant_contact.answers import error_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from audience_sdk.http import Api


def pages(api: Api, path: str, name: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the items of a listing.

    Of the link to the next page only the query is used: its path is the service's, not necessarily ours.

    Args:
        api: The API.
        path: Path of the listing.
        name: Name of the array in the body.
        params: Query of the first page.

    Raises:
        CixError: If a page is refused.
    """
    query: Mapping[str, Any] | None = params
    while query:
        reply = api.call("GET", path, params=query)
        if not reply.ok:
            raise error_of(reply, f"Listing {path}")
        body = reply.json()
        if not isinstance(body, dict):
            raise CixError(ANSWER_UNKNOWN, f"Listing {path}: {redacted(reply.status, reply.body)}.")
        yield from body.get(name) or ()
        following = ((body.get("_links") or {}).get("next") or {}).get("href")
        query = dict(parse_qsl(urlsplit(following).query)) if following else None
