"""Pages of listings: reading the parameters, and the envelope around the items."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cix_sandbox.campaign_monitor import errors
from cix_sandbox.campaign_monitor.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cix_sandbox.campaign_monitor.wire import Query

MIN_SIZE = 10
MAX_SIZE = 1000
_MAX_DIGITS = 9


@dataclass(frozen=True)
class Page:
    """Which part of a listing is asked for.

    Attributes:
        number: Number of the page, from 1.
        size: Items per page.
        order: Name of the field to order by.
        descending: Whether to start at the other end.
    """

    number: int
    size: int
    order: str
    descending: bool

    @property
    def offset(self) -> int:
        """Number of items before the page."""
        return (self.number - 1) * self.size

    def sql(self, orders: Mapping[str, str]) -> str:
        """Return the ORDER BY terms; the address settles ties, so that pages never overlap."""
        direction = "DESC" if self.descending else "ASC"
        return f"{orders[self.order]} {direction}, key {direction}"

    def envelope(self, items: list[dict[str, Any]], total: int) -> dict[str, Any]:
        """Return the answer around the items of the page."""
        return {
            "Results": items,
            "ResultsOrderedBy": self.order,
            "OrderDirection": "desc" if self.descending else "asc",
            "PageNumber": self.number,
            "PageSize": self.size,
            "RecordsOnThisPage": len(items),
            "TotalNumberOfRecords": total,
            "NumberOfPages": math.ceil(total / self.size),
        }


def read_page(query: Query, *, orders: Mapping[str, str], default: str) -> Page:
    """Return the page that the query asks for.

    Args:
        query: The query parameters.
        orders: Names that the listing can be ordered by.
        default: The one of these that is taken when none is asked for.

    Raises:
        ApiError: Codes 800 to 803.
    """
    number = _number(query.text("page", "1"))
    if number is None or number < 1:
        raise ApiError(errors.INVALID_PAGE)
    size = _number(query.text("pagesize", str(MAX_SIZE)))
    if size is None or not MIN_SIZE <= size <= MAX_SIZE:
        raise ApiError(errors.INVALID_PAGE_SIZE)
    order = query.text("orderfield", default).lower()
    if order not in orders:
        raise ApiError(errors.INVALID_ORDER_FIELD)
    direction = query.text("orderdirection", "asc").lower()
    if direction not in ("asc", "desc"):
        raise ApiError(errors.INVALID_ORDER_DIRECTION)
    return Page(number, size, order, descending=direction == "desc")


def _number(text: str) -> int | None:
    fits = text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
    return int(text) if fits else None
