"""Listings of Campaign Monitor, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_campaign_monitor.answers import error_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audience_sdk.http import Api

_PAGE_SIZE = 1_000


def pages(api: Api, path: str) -> Iterator[dict[str, Any]]:
    """Yield the people of a listing, in the order of their addresses.

    Args:
        api: The API.
        path: Path of the listing.

    Raises:
        CixError: If a page is refused.
    """
    page, last = 1, 1
    while page <= last:
        query = {"page": page, "pagesize": _PAGE_SIZE, "orderfield": "email", "orderdirection": "asc"}
        reply = api.call("GET", path, params=query)
        body = reply.json()
        if not reply.ok or not isinstance(body, dict) or "Results" not in body:
            raise error_of(reply, f"Listing {path}")
        yield from body["Results"]
        last = body["NumberOfPages"]
        page += 1
