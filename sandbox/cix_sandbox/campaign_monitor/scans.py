"""Listings page by page: the order of a listing is worked out once, not for every page."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from cix_sandbox.campaign_monitor.roll import Subscriber, read_rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from cix_sandbox.campaign_monitor.paging import Page

ORDERS = {"email": "key", "name": "name", "date": "changed"}
# The address settles ties, so that pages never overlap.
_SELECT = {
    (order, descending): f"""SELECT id FROM cm_subscriber WHERE list_no = ? AND state = ? AND changed >= ?
    ORDER BY {column} {direction}, key {direction}"""  # noqa: S608  (all parts stand right here)
    for order, column in ORDERS.items()
    for descending, direction in ((False, "ASC"), (True, "DESC"))
}


class Scans:
    """The row numbers of the latest listing, for as long as nothing is written.

    Args:
        connection: The store.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._key: tuple[object, ...] = ()
        self._ids: Sequence[int] = ()

    def page(self, list_no: int, state: int, since: int, page: Page) -> tuple[list[Subscriber], int]:
        """Return the subscribers on a page, and the number of all of the listing.

        Args:
            list_no: The list.
            state: State of those who are listed.
            since: Earliest time of the last change of state, in whole seconds since 1970.
            page: Which page, in one of `ORDERS`.
        """
        key = (list_no, state, since, page.order, page.descending, self._connection.total_changes)
        if key != self._key:
            rows = self._connection.execute(_SELECT[page.order, page.descending], (list_no, state, since))
            self._key, self._ids = key, array("q", (row[0] for row in rows))
        wanted = list(self._ids[page.offset : page.offset + page.size])
        by_id = {subscriber.id: subscriber for subscriber in read_rows(self._connection, wanted)}
        return [by_id[number] for number in wanted], len(self._ids)
