"""Runs the targets against a sandbox, and gathers what a run leaves behind.

Whatever a test is about, every run here must also keep the promises that hold for all runs: see `Ran.check`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cix_sandbox import accounts
from processes import Call, Ended, run_forked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cix_sandbox.testing import RunningSandbox

DATA = Path(__file__).parent.parent / "data"
OUTCOMES = (
    *("invalid", "duplicate", "created", "updated", "unchanged"),
    *("suppressed", "rejected", "deferred", "failed"),
)
_WITH_A_REASON = ("invalid", "duplicate", "suppressed", "rejected", "failed")
_ADDRESS = re.compile(r"[^\s\"'<>`]+@[\w.-]*example\.(?:com|org|net)")

MAPPING = {
    "email": "EMail",
    "first_name": "FirstName",
    "last_name": "LastName",
    "custom_fields": {"City": "City", "Loyalty Points": "LoyaltyPoints", "Last Purchase": "LastPurchase"},
}
SECRETS = [
    accounts.CAMPAIGN_MONITOR.api_key,
    accounts.CAMPAIGN_MONITOR_OTHER.api_key,
    *(app.client_secret for app in accounts.CONSTANT_CONTACT.applications),
    *(app.refresh_token for app in accounts.CONSTANT_CONTACT.applications),
]


def data(name: str) -> str:
    """The messages of a file in `tests/data`."""
    return (DATA / f"{name}.singer").read_text("utf-8")


def people(count: int, *, start: int = 1, **values: Any) -> list[dict[str, Any]]:
    """Made-up profiles, numbered."""
    return [
        {"CustomerId": f"c{n}", "EMail": f"person{n:05}@example.com", "FirstName": f"Given{n}", **values}
        for n in range(start, start + count)
    ]


def stream(
    rows: Iterable[Mapping[str, Any]], name: str = "Newsletter", columns: Iterable[str] = ("City", "LoyaltyPoints")
) -> str:
    """The messages of a segment that was read to its end."""
    names = ["CustomerId", "EMail", "FirstName", "LastName", "LastPurchase", *columns]
    properties = {column: {"type": ["string", "integer", "null"]} for column in names}
    schema = {"type": "object", "properties": properties}
    messages = [
        {"type": "SCHEMA", "stream": name, "key_properties": ["CustomerId"], "schema": schema},
        *({"type": "RECORD", "stream": name, "record": row} for row in rows),
        {"type": "ACTIVATE_VERSION", "stream": name, "version": 1},
        {"type": "STATE", "value": {"bookmarks": {name: {}}}},
    ]
    return "".join(json.dumps(message, ensure_ascii=False) + "\n" for message in messages)


@dataclass(frozen=True)
class Ran:
    """What a run has left behind.

    Attributes:
        code: Exit code.
        stdout: Standard output, which is for STATE alone.
        stderr: Standard error.
        folder: The run's own folder below `output_dir`; None if the run ended before it began.
    """

    code: int
    stdout: str
    stderr: str
    folder: Path | None

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The run's summary."""
        assert self.folder is not None, self.stderr
        path = self.folder / "summary.json"
        assert path.exists(), self.stderr
        return json.loads(path.read_text("utf-8"))

    @cached_property
    def rejected(self) -> list[dict[str, Any]]:
        """The rows that are not on a list, and why."""
        assert self.folder is not None, self.stderr
        lines = (self.folder / "rejected.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]

    @property
    def counts(self) -> dict[str, int]:
        """The counts that are not zero."""
        return nonzero(self.summary["counts"])

    @property
    def states(self) -> list[dict[str, Any]]:
        """The states that went out."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    def problem_of(self, email: str) -> dict[str, Any]:
        """The one line about an address in `rejected.jsonl`."""
        [line] = [line for line in self.rejected if line["email"] == email]
        return line

    def check(self) -> None:
        """Check what holds for every run, a failed one too."""
        assert "Traceback" not in self.stderr
        told = self.stdout + self.stderr
        if self.folder is not None:
            told += json.dumps(self.summary, ensure_ascii=False)
            self._check_files()
        assert not _ADDRESS.findall(told)
        assert not [secret for secret in SECRETS if secret in told]
        if self.code:
            assert self.stdout == "", "a run that failed has moved the bookmark"
            assert re.search(r"CIX-\d{3}: .+ What to do: .+", self.stderr), self.stderr

    def _check_files(self) -> None:
        assert self.folder is not None
        assert self.folder.stat().st_mode & 0o777 == 0o700
        summary = self.summary
        names = {"summary.json", "rejected.jsonl"} | ({"plan.json"} if summary["dry_run"] else set())
        assert {path.name: path.stat().st_mode & 0o777 for path in self.folder.iterdir()} == dict.fromkeys(names, 0o600)
        assert (self.code == 0) == (summary["status"] in {"succeeded", "planned"})
        for counts in (summary["counts"], *summary["lists"].values()):
            assert counts["received"] == sum(counts[outcome] for outcome in OUTCOMES)
        for name, total in summary["counts"].items():
            assert total == sum(counts[name] for counts in summary["lists"].values())
        # Whoever leaves a list is no received row, and of no segment.
        lines = [line["outcome"] for line in self.rejected if line["segment"]]
        assert {outcome: lines.count(outcome) for outcome in _WITH_A_REASON} == {
            outcome: summary["counts"][outcome] for outcome in _WITH_A_REASON
        }


@dataclass
class Target:
    """An export by a target of ours into the sandbox.

    Attributes:
        platform: `campaign_monitor` or `constant_contact`.
        sandbox: The sandbox.
        folder: Where the export keeps its ledger and its output.
        config: The settings.
        runner: How its process is run.
    """

    platform: str
    sandbox: RunningSandbox
    folder: Path
    config: dict[str, Any] = field(default_factory=dict)
    runner: Callable[[Call, str], Ended] = run_forked

    def __post_init__(self) -> None:
        own = campaign_monitor(self.sandbox) if self.is_campaign_monitor else constant_contact(self.sandbox)
        common = {
            "data_privacy_consent": True,
            "field_mapping": MAPPING,
            "ledger_url": f"sqlite:///{self.ledger}",
            "output_dir": str(self.folder / "output"),
        }
        self.config = {**common, **own, **self.config}

    @property
    def is_campaign_monitor(self) -> bool:
        return self.platform == "campaign_monitor"

    @property
    def name(self) -> str:
        """Name of the executable."""
        return f"target-{self.platform.replace('_', '-')}"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.db"

    @property
    def list_id(self) -> str:
        return str(self.config["list_id"])

    def run(self, messages: str, *, largest_file: int | None = None, **settings: Any) -> Ran:
        """Run the target.

        Args:
            messages: What it reads.
            largest_file: Bytes beyond which no file can grow, as on a full disk.
            **settings: In place of the export's own; None takes a setting out.
        """
        config = {name: value for name, value in (self.config | settings).items() if value is not None}
        path = self.folder / "config.json"
        path.write_text(json.dumps(config), "utf-8")
        output = Path(config.get("output_dir", self.folder / "output")) / self.name
        before = set(output.glob("*"))
        ended = self.runner(Call(self.name, ("--config", str(path)), self.folder, largest_file), messages)
        folders = set(output.glob("*")) - before
        assert len(folders) <= 1
        ran = Ran(*ended, next(iter(folders), None))
        ran.check()
        return ran

    def members(self, list_id: str | None = None) -> dict[str, dict[str, Any]]:
        """Everyone whom a list knows, by address."""
        return {each["email"]: each for each in self.sandbox.members(self.platform, list_id or self.list_id)}

    def on_list(self, list_id: str | None = None) -> set[str]:
        """The addresses that a mailing to the list would reach."""
        mailed = {"Active", "implicit", "explicit"}
        return {email for email, member in self.members(list_id).items() if member["state"] in mailed}

    def forget_requests(self) -> None:
        """Begin the sandbox's log of requests anew."""
        self.sandbox.control("DELETE", "/requests")

    def requests(self, method: str, path: str) -> list[dict[str, Any]]:
        """The logged requests of a method whose path ends so."""
        logged = self.sandbox.requests(self.platform)
        return [each for each in logged if each["method"] == method and each["path"].endswith(path)]

    @property
    def import_path(self) -> str:
        return "/import.json" if self.is_campaign_monitor else "/activities/contacts_json_import"

    def imports(self) -> list[dict[str, Any]]:
        """The logged imports, those that were refused or cut off too."""
        return self.requests("POST", self.import_path)

    def rows_sent(self) -> list[int]:
        """How many rows each import had."""
        return [each["rows"] for each in self.imports()]

    def writes(self) -> list[str]:
        """The logged requests that change something at the platform; getting a token is none."""
        logged = self.sandbox.requests(self.platform)
        return [
            f"{each['method']} {each['path']}"
            for each in logged
            if each["method"] != "GET" and not each["path"].endswith("/token")
        ]


def campaign_monitor(sandbox: RunningSandbox) -> dict[str, Any]:
    """Settings that connect to the ready account."""
    account = accounts.CAMPAIGN_MONITOR
    return {
        "api_url": sandbox.campaign_monitor,
        "api_key": account.api_key,
        "list_id": account.list_id,
        "consent_to_track": "yes",
    }


def constant_contact(sandbox: RunningSandbox) -> dict[str, Any]:
    """Settings that connect to the ready account, through the application whose refresh token does not rotate."""
    account = accounts.CONSTANT_CONTACT
    [application] = [each for each in account.applications if not each.rotating]
    return {
        "api_url": sandbox.constant_contact,
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "refresh_token": application.refresh_token,
        "list_id": account.list_id,
        "requests_per_second": 1_000,
    }


def nonzero(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}
