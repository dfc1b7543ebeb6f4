"""An export into the sandbox that tests run, kill, stop and run again, and what each run leaves behind."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import crash_runner
from audience_sdk.contact import Outcome
from audience_sdk.ledger import JournalledBatch, PlannedRows, staged_path
from cix_sandbox import accounts
from crash_runner import Death
from target_campaign_monitor.destination import CampaignMonitor
from target_constant_contact.destination import ConstantContact
from tenacity import wait_none

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from multiprocessing.process import BaseProcess

    from audience_sdk.contact import StagedRow
    from cix_sandbox.testing import RunningSandbox

KILLED = -9
PATIENCE_SECONDS = 120
"""How long a run may take that takes a second on an idle machine."""

BATCH_ROWS, IN_FLIGHT = 20, 2
_SMALL = {"rows": BATCH_ROWS, "removals": BATCH_ROWS, "calls": IN_FLIGHT, "in_flight": IN_FLIGHT}
TUNING: Mapping[str, Any] = {
    # So that a few hundred rows make several batches, and small waits.
    "target_campaign_monitor.destination:CampaignMonitor.limits": replace(CampaignMonitor.limits, **_SMALL),
    "target_constant_contact.destination:ConstantContact.limits": replace(ConstantContact.limits, **_SMALL),
    "target_constant_contact.destination:ConstantContact.poll_seconds": 0.05,
    "target_constant_contact.transit:_POLL_SECONDS": 0.05,
    "audience_sdk.apply:_FIRST_POLL_SECONDS": 0.05,
    "audience_sdk.http:_backoff": wait_none(),
    "audience_sdk.reader:_CHUNK_BYTES": 8_000,
    "audience_sdk.ledger.staging:_WRITE_ROWS": 50,
    "audience_sdk.ledger.blocks:_BLOCK_ROWS": 7,
    "audience_sdk.ledger.sorting:_RUNS_AT_ONCE": 3,
    "audience_sdk.ledger.known:_AT_ONCE": 11,
}
QUICK: Mapping[str, Any] = {
    "constant_contact.activity_queue_seconds": 0,
    "constant_contact.activity_work_seconds": 0,
    "constant_contact.requests_per_second": 0,
    "constant_contact.token_requests_per_second": 0,
}
"""Switches of a sandbox that asks nobody to wait."""

MAPPING = {"email": "EMail", "first_name": "FirstName", "custom_fields": {"City": "City"}}
_COLUMNS = ("CustomerId", "EMail", "FirstName", "City", "Town")
_ADDRESS = re.compile(r"[^\s\"'<>`]+@[\w.-]*example\.(?:com|org|net)")
_WITH_A_REASON = ("invalid", "duplicate", "suppressed", "rejected", "failed")


def address(number: int) -> str:
    """The address of a made-up person."""
    return f"person{number:03}@example.com"


def person(number: int, **values: Any) -> dict[str, Any]:
    """A made-up profile."""
    own = {"CustomerId": f"c{number}", "EMail": address(number), "FirstName": f"Given{number}", "City": "Ribe"}
    return own | {"Town": "Aarhus"} | values


def people(*numbers: int, **values: Any) -> list[dict[str, Any]]:
    return [person(number, **values) for number in numbers]


def segment(
    rows: Iterable[Mapping[str, Any]], name: str = "Newsletter", *, complete: bool = True
) -> list[dict[str, Any]]:
    """The messages of a segment, read to its end unless it is cut short."""
    properties = {column: {"type": ["string", "null"]} for column in _COLUMNS}
    schema = {"type": "object", "properties": properties}
    ends = [{"type": "ACTIVATE_VERSION", "stream": name, "version": 1}] if complete else []
    return [
        {"type": "SCHEMA", "stream": name, "key_properties": ["CustomerId"], "schema": schema},
        *({"type": "RECORD", "stream": name, "record": dict(row)} for row in rows),
        *ends,
        {"type": "STATE", "value": {"bookmarks": {name: {"run": 1}}}},
    ]


def text_of(messages: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(message) + "\n" for message in messages)


def nonzero(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: value for name, value in counts.items() if value}


@dataclass(frozen=True)
class Ran:
    """What a run has left behind.

    Attributes:
        code: Exit code; negative for the signal that ended it.
        states: The states that went out.
        log: Standard error.
        folder: The run's folder below `output_dir`; None if it did not come so far.
    """

    code: int
    states: list[dict[str, Any]]
    log: str
    folder: Path | None

    @cached_property
    def summary(self) -> dict[str, Any]:
        assert self.folder is not None, self.log
        summary: dict[str, Any] = json.loads((self.folder / "summary.json").read_text("utf-8"))
        return summary

    @property
    def has_summary(self) -> bool:
        return self.folder is not None and (self.folder / "summary.json").exists()

    @cached_property
    def rejected(self) -> list[dict[str, Any]]:
        """The rows that are not on a list, and why."""
        assert self.folder is not None, self.log
        return [json.loads(line) for line in (self.folder / "rejected.jsonl").read_text("utf-8").splitlines()]

    @property
    def counts(self) -> dict[str, int]:
        """The counts that are not zero."""
        return nonzero(self.summary["counts"])

    @property
    def plan(self) -> dict[str, Any]:
        """What a dry run would have done, by list."""
        assert self.folder is not None, self.log
        plan: dict[str, Any] = json.loads((self.folder / "plan.json").read_text("utf-8"))
        return plan

    def check(self) -> None:
        """Check what holds for every run, however it ended."""
        assert "Traceback" not in self.log, self.log
        assert not _ADDRESS.findall(self.log)
        if self.code:
            assert self.states == [], "a run that was no success has moved the bookmark"
        if not self.has_summary:
            return
        assert not _ADDRESS.findall(json.dumps(self.summary))
        if self.code != KILLED:
            assert (self.code == 0) == (self.summary["status"] in {"succeeded", "planned"}), self.log
        for counts in (self.summary["counts"], *self.summary["lists"].values()):
            assert counts["received"] == sum(counts[outcome.value] for outcome in Outcome)
        if self.code != KILLED:
            lines = [line["outcome"] for line in self.rejected if line["segment"]]
            told = {outcome: lines.count(outcome) for outcome in _WITH_A_REASON}
            assert told == {outcome: self.summary["counts"][outcome] for outcome in _WITH_A_REASON}


@dataclass(frozen=True)
class InFlight:
    """What a killed run has left in the journal.

    Attributes:
        batches: Batches without an answer.
        rows: Their rows.
        returning: Those of the rows that were taken off the list by an earlier run and may go out twice in one.
        jobs: Batches whose job is known by its id.
    """

    batches: int
    rows: int
    returning: int
    jobs: int


@dataclass
class Process:
    """A run that is under way."""

    export: Export
    process: BaseProcess
    output: Path
    log: Path
    before: set[Path]

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def wait(self) -> Ran:
        """Wait for its end."""
        self.process.join(PATIENCE_SECONDS)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        assert self.process.exitcode is not None
        code = self.process.exitcode
        return self.export.gather(code, self.output.read_text("utf-8"), self.log.read_text("utf-8"), self.before)


@dataclass
class Export:
    """An export by a target of ours into the sandbox.

    Attributes:
        platform: `campaign_monitor` or `constant_contact`.
        sandbox: The sandbox.
        folder: Where the export keeps its ledger and its output.
        config: The settings.
    """

    platform: str
    sandbox: RunningSandbox
    folder: Path
    config: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        own = _campaign_monitor(self.sandbox) if self.is_campaign_monitor else _constant_contact(self.sandbox)
        common = {
            "data_privacy_consent": True,
            "field_mapping": MAPPING,
            "ledger_url": f"sqlite:///{self.ledger}",
            "output_dir": str(self.folder / "output"),
            "max_rejected_ratio": 1,
        }
        self.config = {**common, **own, **self.config}
        self._numbers = count(1)

    @property
    def is_campaign_monitor(self) -> bool:
        return self.platform == "campaign_monitor"

    @property
    def name(self) -> str:
        """Name of the executable."""
        return f"target-{self.platform.replace('_', '-')}"

    @property
    def executable(self) -> Path:
        return Path(sys.executable).parent / self.name

    @property
    def ledger(self) -> Path:
        return self.folder / "cix" / "ledger.db"

    @property
    def list_id(self) -> str:
        return str(self.config["list_id"])

    # Running

    def start(
        self,
        messages: Iterable[Mapping[str, Any]] = (),
        *arguments: str,
        death: Death | None = None,
        tuning: Mapping[str, Any] = TUNING,
        **settings: Any,
    ) -> Process:
        """Start a run.

        Args:
            messages: What it reads.
            *arguments: Further arguments of the executable.
            death: Where it kills itself, if it does.
            tuning: Values of the product's constants; none for the product as it is.
            **settings: In place of the export's own; None takes a setting out.
        """
        return self._start(text_of(messages), arguments, settings, tuning=tuning, death=death)

    def run(self, messages: Iterable[Mapping[str, Any]] = (), *arguments: str, **options: Any) -> Ran:
        """Run to the end; the arguments are those of `start`."""
        return self.start(messages, *arguments, **options).wait()

    def run_untouched(self, messages: Iterable[Mapping[str, Any]], **settings: Any) -> Ran:
        """Run the executable as it is, with the limits and waits of the product."""
        return self.run(messages, tuning={}, **settings)

    def open(self, **settings: Any) -> subprocess.Popen[bytes]:
        """Start the executable itself, with pipes in place of files."""
        _, config = self._scratch(settings)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TARGET_", "TAP_", "MELTANO_"))}
        return subprocess.Popen(
            [self.executable, "--config", config],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def maintain(self, argument: str, text: str = "", **settings: Any) -> Ran:
        """Run the executable for something other than an export, such as `--forget`."""
        ran = self._start(text, (argument,), settings, tuning={}, death=None).wait()
        assert ran.folder is None
        return ran

    def _start(
        self,
        text: str,
        arguments: tuple[str, ...],
        settings: dict[str, Any],
        *,
        tuning: Mapping[str, Any],
        death: Death | None,
    ) -> Process:
        scratch, config = self._scratch(settings)
        standard = (scratch / "input", scratch / "output", scratch / "log")
        for path in standard:
            path.write_text(text if path is standard[0] else "", "utf-8")
        before = self._folders()
        process = crash_runner.start(
            self.executable,
            ["--config", str(config), *arguments],
            self.folder,
            standard=standard,
            tuning=tuning,
            death=death,
        )
        return Process(self, process, standard[1], standard[2], before)

    def await_that(self, happened: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.01)

    def gather(self, code: int, output: str, log: str, before: set[Path]) -> Ran:
        """Gather what a run has left behind, and check it."""
        folders = self._folders() - before
        assert len(folders) <= 1
        states = [json.loads(line) for line in output.splitlines()]
        ran = Ran(code, states, log, next(iter(folders), None))
        ran.check()
        return ran

    def _scratch(self, settings: dict[str, Any]) -> tuple[Path, Path]:
        scratch = self.folder / "runs" / str(next(self._numbers))
        scratch.mkdir(parents=True)
        config = scratch / "config.json"
        wanted = {name: value for name, value in (self.config | settings).items() if value is not None}
        config.write_text(json.dumps(wanted), "utf-8")
        return scratch, config

    def _folders(self) -> set[Path]:
        return set((Path(self.config["output_dir"]) / self.name).glob("*"))

    # What is left beside the ledger

    def ledger_files(self) -> list[Path]:
        """Every file in the ledger's folder, the locks too."""
        return sorted(path for path in self.ledger.parent.rglob("*") if path.is_file())

    def staged_files(self) -> list[Path]:
        return [path for path in self.ledger_files() if ".staged-" in path.name]

    def journalled(self) -> list[tuple[JournalledBatch, list[StagedRow]]]:
        """The batches that a run which is over has left in the journal, and their rows."""
        with closing(sqlite3.connect(self.ledger)) as ledger:
            query = "SELECT run_id, batch_id, list_no, action, first_key, last_key, begun_at, job_id FROM batches"
            journal = [(run_id, JournalledBatch(*rest)) for run_id, *rest in ledger.execute(query).fetchall()]
        found = []
        for run_id, batch in journal:
            with closing(PlannedRows.of_past_run(staged_path(self.ledger, run_id))) as plan:
                found.append((batch, list(plan.rows_of(batch))))
        return found

    def in_flight(self) -> InFlight:
        """What a run that is over has left in the journal."""
        journalled = self.journalled()
        unknown = [rows for batch, rows in journalled if batch.job_id is None]
        return InFlight(
            batches=len(unknown),
            rows=sum(map(len, unknown)),
            returning=sum(row.returns for rows in unknown for row in rows),
            jobs=len(journalled) - len(unknown),
        )

    # What the platform holds, and what happens there without us

    def members(self, list_id: str | None = None) -> dict[str, dict[str, Any]]:
        """Everyone whom a list knows, by address."""
        return {each["email"]: each for each in self.sandbox.members(self.platform, list_id or self.list_id)}

    def on_list(self, list_id: str | None = None) -> set[str]:
        """The addresses that a mailing to the list would reach."""
        mailed = {"Active", "implicit", "explicit"}
        return {email for email, member in self.members(list_id).items() if member["state"] in mailed}

    def shown(self, list_id: str | None = None) -> dict[str, tuple[str, str]]:
        """Name and city of everybody on the list, by address."""
        shown = {}
        for email, member in self.members(list_id).items():
            if member["state"] in {"Active", "implicit", "explicit"}:
                name = member["name"] if self.is_campaign_monitor else member["first_name"]
                fields = member["fields"]
                shown[email] = (name, fields.get("[City]", "") if self.is_campaign_monitor else fields.get("city", ""))
        return shown

    def unsubscribe(self, *emails: str) -> None:
        """People unsubscribe at the platform."""
        if self.is_campaign_monitor:
            self.sandbox.seed(
                self.platform,
                subscribers=[{"email": email, "state": "Unsubscribed"} for email in emails],
                suppressed=[{"email": email, "reason": "Unsubscribed"} for email in emails],
            )
        else:
            self.sandbox.seed(
                self.platform, contacts=[{"email": email, "permission": "unsubscribed"} for email in emails]
            )

    def leave(self, *emails: str) -> None:
        """People leave the list by their own act and stay reachable, which Constant Contact alone knows."""
        assert not self.is_campaign_monitor
        self.sandbox.seed(self.platform, contacts=[{"email": email, "lists": []} for email in emails])

    def add_by_hand(self, *emails: str) -> None:
        """Somebody at the platform puts people on the list."""
        if self.is_campaign_monitor:
            self.sandbox.seed(self.platform, subscribers=[{"email": each, "name": "By hand"} for each in emails])
        else:
            hand = {"first_name": "By hand", "lists": [self.list_id]}
            self.sandbox.seed(self.platform, contacts=[{"email": email, **hand} for email in emails])

    def make_list(self) -> str:
        """Make a second list with the same fields and return its id."""
        if self.is_campaign_monitor:
            list_id = "1157c0de1157c0de1157c0de1157ffff"
            self.sandbox.seed(self.platform, lists=[{"list_id": list_id, "title": "Second"}])
            self.sandbox.seed(self.platform, list_id=list_id, custom_fields=[{"name": "City", "type": "Text"}])
        else:
            list_id = "1157c0de-0000-4000-8000-00000000ffff"
            self.sandbox.seed(self.platform, lists=[{"list_id": list_id, "name": "Second"}])
        return list_id

    # What the platform was asked

    def forget_requests(self) -> None:
        """Begin the sandbox's log of requests anew."""
        self.sandbox.control("DELETE", "/requests")

    def writes(self) -> list[str]:
        """The logged requests that change something; getting a token is none."""
        return [
            f"{each['method']} {each['path']}"
            for each in self.sandbox.requests(self.platform)
            if each["method"] != "GET" and not each["path"].endswith("/token")
        ]

    def imports(self) -> list[dict[str, Any]]:
        """The logged imports, those that were refused or cut off too."""
        path = "/import.json" if self.is_campaign_monitor else "/activities/contacts_json_import"
        logged = self.sandbox.requests(self.platform)
        return [each for each in logged if each["method"] == "POST" and each["path"].endswith(path)]

    def rows_sent(self) -> int:
        """How many rows the platform has been given in imports."""
        return sum(each["rows"] or 0 for each in self.imports())

    def reads(self, path: str) -> int:
        """How many requests read what has a path that ends so."""
        logged = self.sandbox.requests(self.platform)
        return sum(each["method"] == "GET" and each["path"].endswith(path) for each in logged)

    def removals_sent(self) -> int:
        """How many people the platform was asked to take off the list."""
        logged = self.sandbox.requests(self.platform)
        if self.is_campaign_monitor:
            return sum(each["method"] == "DELETE" for each in logged)
        path = "/activities/remove_list_memberships"
        return sum(each["rows"] or 0 for each in logged if each["path"].endswith(path))


def _campaign_monitor(sandbox: RunningSandbox) -> dict[str, Any]:
    account = accounts.CAMPAIGN_MONITOR
    return {
        "api_url": sandbox.campaign_monitor,
        "api_key": account.api_key,
        "list_id": account.list_id,
        "consent_to_track": "yes",
    }


def _constant_contact(sandbox: RunningSandbox) -> dict[str, Any]:
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
