"""The control API: look behind the stand-ins, prepare them, and make things go wrong.

Everything is JSON. A mistake gets 4xx with `{"error": ..., "nearest": [...]}`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cix_sandbox.problems import ControlError, unknown
from cix_sandbox.store import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from starlette.requests import Request

    from cix_sandbox.contract import Platform
    from cix_sandbox.state import SandboxState

_Body = TypeVar("_Body")
_TEN_YEARS = 10 * 366 * 24 * 3600


class NewFault(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /sandbox/faults; the attributes of `faults.Fault`."""

    kind: str
    platform: str | None = None
    method: str | None = None
    path: str | None = None
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    count: Annotated[int, msgspec.Meta(ge=0)] | None = None
    rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 503
    body: Any = None
    headers: dict[str, str] = {}


class NewTime(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /sandbox/clock."""

    advance_seconds: Annotated[float, msgspec.Meta(ge=0, le=_TEN_YEARS)]


def seed(connection: sqlite3.Connection, platforms: Sequence[Platform], body: dict[str, dict[str, Any]]) -> None:
    """Write a seed into the store, all or nothing.

    Args:
        connection: The store.
        platforms: The stand-ins.
        body: Platform name to that platform's seed.

    Raises:
        ControlError: A platform is unknown or a part of the seed does not fit.
    """
    by_name = {platform.NAME: platform for platform in platforms}
    with transaction(connection):
        for name, part in body.items():
            if name not in by_name:
                raise unknown("platform", name, by_name, status=400)
            by_name[name].seed(connection, part)


def credentials(connection: sqlite3.Connection, platforms: Sequence[Platform], base: str) -> dict[str, dict[str, str]]:
    """Return what an application needs to connect to each platform.

    Args:
        connection: The store.
        platforms: The stand-ins.
        base: Address of the sandbox, without a slash at the end.
    """
    return {platform.NAME: platform.credentials(connection, base) for platform in platforms}


class Control:
    """The handlers of the control API."""

    def __init__(self, state: SandboxState, platforms: Sequence[Platform]) -> None:
        """Serve one sandbox."""
        self._state = state
        self._platforms = platforms

    def routes(self) -> list[Route]:
        """Return the routes below /sandbox."""
        return [
            Route("/health", self._health),
            Route("/credentials", self._credentials),
            Route("/reset", self._reset, methods=["POST"]),
            Route("/seed", self._seed, methods=["POST"]),
            Route("/{platform}/lists/{list_id}/members", self._members),
            Route("/requests", self._read_requests),
            Route("/requests", self._clear_requests, methods=["DELETE"]),
            Route("/faults", self._read_faults),
            Route("/faults", self._add_fault, methods=["POST"]),
            Route("/faults", self._clear_faults, methods=["DELETE"]),
            Route("/faults/{fault_id:int}", self._remove_fault, methods=["DELETE"]),
            Route("/switches", self._read_switches),
            Route("/switches", self._change_switches, methods=["PATCH"]),
            Route("/clock", self._read_clock),
            Route("/clock", self._advance_clock, methods=["POST"]),
        ]

    async def _health(self, _: Request) -> Response:
        names = [platform.NAME for platform in self._platforms]
        return JSONResponse({"status": "ok", "platforms": names})

    async def _credentials(self, request: Request) -> Response:
        base = f"{request.url.scheme}://{request.url.netloc}"
        return JSONResponse(credentials(self._state.connection, self._platforms, base))

    async def _reset(self, _: Request) -> Response:
        with transaction(self._state.connection):
            for platform in self._platforms:
                platform.reset(self._state.connection)
                platform.ready(self._state.connection)
            self._state.switches.reset()
            self._state.clock.reset()
        self._state.faults.clear()
        self._state.log.clear()
        return JSONResponse({"status": "ok"})

    async def _seed(self, request: Request) -> Response:
        body = await _decode(request, dict[str, dict[str, Any]])
        seed(self._state.connection, self._platforms, body)
        return JSONResponse({"status": "ok"})

    async def _members(self, request: Request) -> Response:
        by_path = {platform.NAME.replace("_", "-"): platform for platform in self._platforms}
        name, list_id = request.path_params["platform"], request.path_params["list_id"]
        if name not in by_path:
            raise unknown("platform", name, by_path)
        members = by_path[name].members(self._state.connection, list_id)
        return _json({"list_id": list_id, "members": members})

    async def _read_requests(self, request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdecimal():
            raise ControlError("since is the number of a request, 0 or more")
        platform = request.query_params.get("platform")
        names = [known.NAME for known in self._platforms]
        if platform is not None and platform not in names:
            raise unknown("platform", platform, names, status=400)
        return _json({"requests": self._state.log.entries(platform=platform, since=int(since))})

    async def _clear_requests(self, _: Request) -> Response:
        self._state.log.clear()
        return JSONResponse({"status": "ok"})

    async def _read_faults(self, _: Request) -> Response:
        return JSONResponse({"faults": [asdict(fault) for fault in self._state.faults.all()]})

    async def _add_fault(self, request: Request) -> Response:
        wanted = msgspec.structs.asdict(await _decode(request, NewFault))
        names = [platform.NAME for platform in self._platforms]
        if wanted["platform"] is not None and wanted["platform"] not in names:
            raise unknown("platform", wanted["platform"], names, status=400)
        return JSONResponse(asdict(self._state.faults.add(**wanted)), status_code=201)

    async def _clear_faults(self, _: Request) -> Response:
        self._state.faults.clear()
        return JSONResponse({"status": "ok"})

    async def _remove_fault(self, request: Request) -> Response:
        self._state.faults.remove(request.path_params["fault_id"])
        return JSONResponse({"status": "ok"})

    async def _read_switches(self, _: Request) -> Response:
        return JSONResponse(self._state.switches.describe())

    async def _change_switches(self, request: Request) -> Response:
        changes = await _decode(request, dict[str, Any])
        with transaction(self._state.connection):
            self._state.switches.change(changes)
        return JSONResponse(self._state.switches.describe())

    async def _read_clock(self, _: Request) -> Response:
        return JSONResponse({"now": self._state.clock.now().isoformat()})

    async def _advance_clock(self, request: Request) -> Response:
        self._state.clock.advance((await _decode(request, NewTime)).advance_seconds)
        return await self._read_clock(request)


async def _decode(request: Request, form: type[_Body]) -> _Body:
    try:
        return msgspec.json.decode(await request.body(), type=form)
    except msgspec.DecodeError as error:
        raise ControlError(f"the body does not fit: {error}") from error


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


async def _explain(_: Request, error: Exception) -> Response:
    if isinstance(error, ControlError):
        answer = {"error": error.message, "nearest": error.nearest}
        return JSONResponse(answer, status_code=error.status)
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail, "nearest": []}, status_code=error.status_code)
    raise error


EXCEPTION_HANDLERS = {ControlError: _explain, HTTPException: _explain}
