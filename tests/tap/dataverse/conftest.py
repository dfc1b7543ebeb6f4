"""A small Dataverse with an Entra in front of it, on loopback, whose every answer a test can replace."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from audience_sdk.http import Api
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

API = "/api/data/v9.2"
PROFILES = "msdynci_customerprofiles"
MEMBERSHIPS = "msdynci_segmentmemberships"
METADATA = "mscipriv_segmentmetadatas"
PROFILE_COLUMNS = {
    "msdynci_CustomerProfileId": "Uniqueidentifier",
    "msdynci_CustomerId": "String",
    "msdynci_PreviousCustomerId": "String",
    "msdynci_EMail": "String",
    "msdynci_LoyaltyPoints": "BigInt",
    "CreatedOn": "DateTime",
    "VersionNumber": "BigInt",
}
MEMBERSHIP_COLUMNS = {
    "msdynci_SegmentMembershipId": "Uniqueidentifier",
    "msdynci_CustomerId": "String",
    "msdynci_SegmentProvider": "String",
    "msdynci_SegmentMembershipType": "String",
    "msdynci_Segments": "Memo",
}
METADATA_COLUMNS = {
    "mscipriv_Name": "String",
    "mscipriv_DisplayName": "String",
    "mscipriv_State": "String",
    "mscipriv_LastRefreshedOn": "DateTime",
}
Reply = tuple[int, dict[str, str], bytes]


def reply(status: int, body: Any = None, **headers: str) -> Reply:
    """Make an answer; underscores in the names of headers stand for hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, content


def error(status: int, code: str, message: str = "", **headers: str) -> Reply:
    return reply(status, {"error": {"code": code, "message": message}}, **headers)


@dataclass
class Stub:
    """The environment and what was asked of it."""

    url: str = ""
    profiles: list[dict[str, Any]] = field(default_factory=list)
    memberships: list[dict[str, Any]] = field(default_factory=list)
    metadata: list[dict[str, Any]] | None = None
    profile_columns: dict[str, str] = field(default_factory=lambda: dict(PROFILE_COLUMNS))
    membership_columns: dict[str, str] = field(default_factory=lambda: dict(MEMBERSHIP_COLUMNS))
    metadata_columns: dict[str, str] = field(default_factory=lambda: dict(METADATA_COLUMNS))
    date_only: set[str] = field(default_factory=set)
    labels: dict[str, str] = field(default_factory=dict)
    page_rows: int = 5000
    asked: list[str] = field(default_factory=list)
    tokens: list[dict[str, str]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    preferences: set[str] = field(default_factory=set)
    faults: list[Callable[[str, dict[str, str]], Reply | None]] = field(default_factory=list)
    token_fault: Reply | None = None
    waits: list[float] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "source": "dataverse",
            "organization_url": self.url,
            "tenant_id": "tenant-1",
            "client_id": "application-1",
            "client_secret": "its-secret",
            "authority": f"{self.url}/entra",
        }

    def add(self, customer: str, *segments: str, shape: str = "object", **values: Any) -> Stub:
        """Add a profile and its membership."""
        row = {"msdynci_customerprofileid": f"p-{customer}", "msdynci_customerid": customer}
        row |= {f"msdynci_{name}": value for name, value in values.items()}
        self.profiles.append(row)
        if segments:
            self.join(customer, *segments, shape=shape)
        return self

    def join(self, customer: str, *segments: str, shape: str = "object", **values: Any) -> Stub:
        """Add a membership."""
        text = json.dumps({"Segments": list(segments)} if shape == "object" else list(segments))
        row = {"msdynci_segmentmembershipid": f"m-{len(self.memberships)}", "msdynci_customerid": customer}
        row |= {"msdynci_segments": text, "msdynci_segmentprovider": "audience insights"}
        self.memberships.append(row | {f"msdynci_{name}": value for name, value in values.items()})
        return self

    def describe(self, *names: str, **values: Any) -> Stub:
        """Let the metadata table list segments."""
        rows = [
            {"mscipriv_name": name, **{f"mscipriv_{key}": value for key, value in values.items()}} for name in names
        ]
        self.metadata = [*(self.metadata or []), *rows]
        return self

    def reads(self, entity_set: str) -> list[str]:
        """Return the queries of a table's rows."""
        return [query for query in self.asked if query.startswith(f"/{entity_set}?")]

    def fail_once(self, entity_set: str, answer: Reply, *, page: int = 1) -> None:
        """Give another answer to the next request for a page of a table."""

        def fault(path: str, options: dict[str, str]) -> Reply | None:
            if path != f"/{entity_set}" or int(options.get("$skiptoken", "0")) != (page - 1) * self.page_rows:
                return None
            self.faults.remove(fault)
            return answer

        self.faults.append(fault)

    def fail_always(self, entity_set: str, answer: Reply, *, page: int = 1) -> None:
        """Give another answer to every request for a page of a table."""
        wanted = (page - 1) * self.page_rows
        self.faults.append(
            lambda path, options: (
                answer if path == f"/{entity_set}" and int(options.get("$skiptoken", "0")) == wanted else None
            )
        )

    def answer(self, target: str) -> Reply:
        url = urlsplit(target)
        path, options = url.path.removeprefix(API), dict(parse_qsl(url.query))
        self.asked.append(f"{path}?{url.query}" if url.query else path)
        for fault in list(self.faults):
            replaced = fault(path, options)
            if replaced is not None:
                return replaced
        if path.startswith("/EntityDefinitions"):
            return self._definition(path)
        tables = {f"/{PROFILES}": self.profiles, f"/{MEMBERSHIPS}": self.memberships, f"/{METADATA}": self.metadata}
        rows = tables.get(path)
        return error(404, "0x80060888", "Resource not found") if rows is None else self._page(path, rows, options)

    def _definition(self, path: str) -> Reply:
        tables = {
            "msdynci_customerprofile": (PROFILES, self.profile_columns),
            "msdynci_segmentmembership": (MEMBERSHIPS, self.membership_columns),
        }
        if self.metadata is not None:
            tables["mscipriv_segmentmetadata"] = (METADATA, self.metadata_columns)
        name = re.findall(r"LogicalName='(\w+)'", path)[0]
        if name not in tables:
            return error(404, "0x80060888", f"Could not find an entity {name}")
        entity_set, columns = tables[name]
        if path.endswith("DateTimeAttributeMetadata"):
            dates = [column for column, kind in columns.items() if kind == "DateTime"]
            return reply(200, {"value": [{"LogicalName": c.lower(), "Format": self._format(c)} for c in dates]})
        if path.endswith("/Attributes"):
            return reply(200, {"value": [self._attribute(column, kind) for column, kind in columns.items()]})
        return reply(200, {"LogicalName": name, "EntitySetName": entity_set, "PrimaryIdAttribute": f"{name}id"})

    def _format(self, column: str) -> str:
        return "DateOnly" if column in self.date_only else "DateAndTime"

    def _attribute(self, column: str, kind: str) -> dict[str, Any]:
        label = {"UserLocalizedLabel": {"Label": self.labels[column]}} if column in self.labels else None
        return {
            "LogicalName": column.lower(),
            "SchemaName": column,
            "AttributeType": kind,
            "DisplayName": label,
            "IsValidForRead": True,
            "AttributeOf": None,
        }

    def _page(self, path: str, rows: list[dict[str, Any]], options: dict[str, str]) -> Reply:
        if "$filter" in options:
            rows = [row for row in rows if _matches(row, options["$filter"])]
        start = int(options.get("$skiptoken", "0"))
        page = rows[start : start + self.page_rows]
        if "$top" in options:
            page = page[: int(options["$top"])]
        names = options["$select"].split(",")
        body: dict[str, Any] = {"value": [{"@odata.etag": "W/1", **{n: row.get(n) for n in names}} for row in page]}
        following = start + self.page_rows
        if following < len(rows) and "$top" not in options:
            kept = "&".join(f"{name}={value}" for name, value in options.items() if name != "$skiptoken")
            link = f"{self.url}{API}{path}?{kept.replace(' ', '%20')}&$skiptoken={following}"
            body["@odata.nextLink"] = link
        return reply(200, body)

    def token(self, target: str, form: dict[str, str], headers: Any) -> Reply:
        url = urlsplit(target)
        if url.path.endswith("/.well-known/openid-configuration"):
            base = f"{self.url}/entra/tenant-1".replace("http://", "https://")
            return reply(
                200,
                {
                    "issuer": f"{base}/v2.0",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                },
            )
        self.tokens.append(form | dict(parse_qsl(url.query)))
        if self.token_fault is not None:
            return self.token_fault
        token = {"token_type": "Bearer", "expires_in": 3599, "access_token": f"token-{len(self.tokens)}"}
        if url.path.endswith("/msi/token"):
            token |= {"expires_on": "4102444800", "resource": self.url}
        return reply(200, token)


def _matches(row: dict[str, Any], conditions: str) -> bool:
    for condition in conditions.split(" or "):
        if found := re.fullmatch(r"contains\((\w+),'(.*)'\)", condition):
            if found[2].replace("''", "'").lower() in str(row.get(found[1]) or "").lower():
                return True
        elif found := re.fullmatch(r"(\w+) eq '(.*)'", condition):
            if row.get(found[1]) == found[2].replace("''", "'"):
                return True
        else:
            raise AssertionError(f"a filter that the stub does not know: {condition}")
    return False


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """An environment of one's own; waits between attempts are noted instead of waited."""
    environment = Stub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "/entra/" in self.path:
                self._send(environment.token(self.path, {}, self.headers))
            else:
                environment.authorizations.append(self.headers.get("Authorization", ""))
                if "Prefer" in self.headers:
                    environment.preferences.add(self.headers["Prefer"])
                self._send(environment.answer(self.path))

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(content).items()}
            self._send(environment.token(self.path, form, self.headers))

        def _send(self, answer: Reply) -> None:
            status, headers, content = answer
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    environment.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(Api, "_sleep", lambda _, seconds: environment.waits.append(seconds))
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.delenv(name, raising=False)
    yield environment
    server.shutdown()
    server.server_close()


@pytest.fixture
def read(stub: Stub, sync: Callable[..., Any]) -> Callable[..., Any]:
    """Sync the stub in this process, with the given catalog and further settings."""

    def run(catalog: Any = None, **settings: Any) -> Any:
        return sync("not used", catalog, **{**stub.settings, **settings})

    return run


@pytest.fixture
def run_dataverse(stub: Stub, run_tap: Callable[..., Any]) -> Callable[..., Any]:
    """Run the real executable on the stub."""

    def run(*args: str, catalog: Any = None, **settings: Any) -> Any:
        given = {name: value for name, value in {**stub.settings, **settings}.items() if value is not None}
        return run_tap("not used", *args, catalog=catalog, **given)

    return run
