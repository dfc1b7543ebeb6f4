"""Answers queries of rows: pages with a nextLink, counts, and changes with a delta link."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import PlainTextResponse, Response

from cix_sandbox.dataverse import paging, rows
from cix_sandbox.dataverse.conditions import Rules
from cix_sandbox.dataverse.errors import CONTENT_TYPE, HEADERS, invalid
from cix_sandbox.dataverse.paging import Position
from cix_sandbox.dataverse.query import DELTA_TOKEN, SKIP_TOKEN, check_trackable, read_query
from cix_sandbox.dataverse.schema import last_version
from cix_sandbox.dataverse.switches import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cix_sandbox.dataverse.query import Preferences, Query
    from cix_sandbox.dataverse.rows import Page
    from cix_sandbox.dataverse.views import View
    from cix_sandbox.state import SandboxState

_ELASTIC_PAGE = 500
_TOTAL = "Microsoft.Dynamics.CRM.totalrecordcount"
_EXCEEDED = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"


class Asked(NamedTuple):
    """A request for rows of a table.

    Attributes:
        view: The table.
        base: Address of the Web API.
        path: Path of the request.
        raw_query: The query as it was sent.
        options: The query options.
        preferences: What the header Prefer asks for.
    """

    view: View
    base: str
    path: str
    raw_query: str
    options: Mapping[str, str]
    preferences: Preferences

    @property
    def address(self) -> str:
        """Address of the table."""
        return f"{self.base}/{self.view.table.set_name}"


class Tables:
    """Reads the tables of one environment."""

    def __init__(self, state: SandboxState) -> None:
        """Serve one sandbox."""
        self._state = state

    def count(self, view: View, options: Mapping[str, str]) -> Response:
        """Answer `/$count`: a number, at most 5000."""
        query = self._query(view, options)
        counted, _ = rows.count(self._state.connection, view, query, self._rules())
        return PlainTextResponse(str(counted), headers=HEADERS)

    def answer(self, asked: Asked) -> tuple[Response, int]:
        """Answer a request for rows.

        Returns:
            The response, and the number of rows in it.

        Raises:
            Refusal: The query cannot be answered.
        """
        now = self._state.clock.now().timestamp()
        self._refuse_expired(asked)
        position = paging.read_skip_token(
            asked.options, asked.view.table.set_name, now, self._state.switches.number(f"{NAME}.next_link_seconds")
        )
        since = paging.read_delta_token(asked.options, now, self._state.switches.number(f"{NAME}.delta_link_days"))
        tracking = asked.preferences.track_changes or since is not None
        if tracking:
            self._check_tracking(asked)
        query = self._query(asked.view, asked.options)
        if position is None:
            version = last_version(self._state.connection) if tracking else None
            position = Position(1, since if since is not None else "", version, now)
        size = self._size(asked, query)
        page = self._page(asked, query, position, since, size)
        body = self._body(asked, query, position, page, now)
        headers = {**HEADERS, "Content-Type": CONTENT_TYPE}
        if applied := asked.preferences.applied():
            headers["Preference-Applied"] = applied
        return Response(body, headers=headers), len(page.rows)

    def _query(self, view: View, options: Mapping[str, str]) -> Query:
        return read_query(options, view.table, self._state.switches.number(f"{NAME}.filter_conditions"))

    def _rules(self) -> Rules:
        switches = self._state.switches
        return Rules(
            wildcards=switches.flag(f"{NAME}.filter_wildcards"),
            escaped_quotes=switches.text(f"{NAME}.filter_quotes") == "escaped",
        )

    def _refuse_expired(self, asked: Asked) -> None:
        take = self._state.faults.take
        if SKIP_TOKEN in asked.options and take("expired_next_link", NAME, "GET", asked.path):
            raise paging.expired_page()
        if DELTA_TOKEN in asked.options and take("expired_delta_link", NAME, "GET", asked.path):
            raise paging.expired_delta()

    def _check_tracking(self, asked: Asked) -> None:
        if not self._state.switches.flag(f"{NAME}.change_tracking"):
            raise invalid(f"Change tracking is not enabled for the entity {asked.view.table.logical_name}.")
        check_trackable(asked.options)

    def _size(self, asked: Asked, query: Query) -> int:
        """Return how many rows the page may have."""
        switches = self._state.switches
        usual = _ELASTIC_PAGE if switches.flag(f"{NAME}.elastic_tables") else switches.number(f"{NAME}.page_rows")
        size = int(min(asked.preferences.page_size or usual, switches.number(f"{NAME}.page_rows")))
        if query.top is not None:
            # Without pages: the service answers a query with $top in one go.
            return min(query.top, int(switches.number(f"{NAME}.page_rows")))
        if self._state.faults.take("empty_page", NAME, "GET", asked.path):
            return 0
        if self._state.faults.take("short_page", NAME, "GET", asked.path):
            return max(size // 2, 1)
        return size

    def _page(self, asked: Asked, query: Query, position: Position, since: int | None, size: int) -> Page:
        connection = self._state.connection
        if since is None:
            return rows.read_page(connection, asked.view, query, self._rules(), position.after, size)
        context = f"{asked.base}/$metadata#{asked.view.table.set_name}/$deletedEntity"
        versions = (int(position.after), position.version or 0)
        return rows.read_changes(connection, asked.view, query.columns, versions, size, context)

    def _body(self, asked: Asked, query: Query, position: Position, page: Page, now: float) -> str:
        """Return the JSON text of a page; the rows are JSON already."""
        selected = f"({','.join(query.selected)})" if query.selected else ""
        delta = "/$delta" if DELTA_TOKEN in asked.options else ""
        head: dict[str, object] = {
            "@odata.context": f"{asked.base}/$metadata#{asked.view.table.set_name}{selected}{delta}"
        }
        if query.counted:
            counted, exceeded = rows.count(self._state.connection, asked.view, query, self._rules())
            head["@odata.count"] = counted
            if asked.preferences.wants(_TOTAL):
                head[f"@{_TOTAL}"] = counted
            if asked.preferences.wants(_EXCEEDED):
                head[f"@{_EXCEEDED}"] = exceeded
        tail: dict[str, str] = {}
        if page.after is not None and query.top is None:
            following = Position(position.page + 1, page.after, position.version, now)
            token = paging.skip_token(following, asked.options, asked.view.table.set_name)
            tail["@odata.nextLink"] = paging.link(asked.address, asked.raw_query, SKIP_TOKEN, token)
        elif position.version is not None:
            token = paging.delta_token(position.version, now)
            tail["@odata.deltaLink"] = paging.link(asked.address, asked.raw_query, DELTA_TOKEN, token)
        parts = [json.dumps(head)[:-1], f'"value":[{",".join(page.rows)}]']
        if tail:
            parts.append(json.dumps(tail)[1:-1])
        return ",".join(parts) + "}"
