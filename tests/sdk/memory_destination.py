"""A platform in memory and the target that fills its lists: the whole engine, without a network."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from audience_sdk.contact import Action, Contact, Outcome, RowProblem
from audience_sdk.destination import (
    Batch,
    BatchRefusedError,
    BatchResult,
    CustomField,
    Destination,
    EncodedRow,
    Job,
    JobDestination,
    Limits,
    Member,
    PlatformList,
    find_custom_fields,
)
from audience_sdk.directory import Account, Directory, KnownList
from audience_sdk.errors import JOB_FAILED, LIST_UNKNOWN, PERSON_SUPPRESSED, ROW_REJECTED, CixError
from audience_sdk.settings import common_settings
from audience_sdk.target import AudienceTarget
from singer_sdk import typing as th
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from audience_sdk.mapping import FieldMapping
    from audience_sdk.services import Services

SUPPRESSED = RowProblem(Outcome.SUPPRESSED, PERSON_SUPPRESSED, "Unsubscribed.")
REJECTED = RowProblem(Outcome.REJECTED, ROW_REJECTED, "Not to the platform's taste.")
STANDARD_FIELDS = {"first_name": "Column of the first name.", "last_name": "Column of the last name."}
_BODY_START, _BODY_END = b'{"rows":[', b"]}"


def body_of(payloads: Collection[bytes]) -> bytes:
    """The body of a request, as this platform wants it."""
    return _BODY_START + b",".join(payloads) + _BODY_END


def no_error(_batch: Batch) -> None:
    """What a platform in good order raises."""


@dataclass
class Platform:
    """What a platform holds, what it was asked for, and how it misbehaves."""

    lists: dict[str, dict[str, Any]] = field(default_factory=lambda: {"L1": {}})
    """Rows by `email_key`, by list."""
    names: dict[str, str] = field(default_factory=dict)
    """Names of lists, by id."""
    listings: int = 0
    """How often all lists were asked for."""
    custom_fields: tuple[CustomField, ...] = (CustomField("Loyalty", "cf_loyalty", "Text"),)
    limits: Limits = field(
        default_factory=lambda: Limits(rows=3, body_bytes=2_000, email_length=60, calls=2, in_flight=4, removals=2)
    )
    suppressed: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)
    poison: set[str] = field(default_factory=set)
    """Keys for whose sake a whole batch is refused."""
    error: Callable[[Batch], Exception | None] = no_error
    """Raised instead of taking the batch, where it returns something."""
    check_error: CixError | None = None
    finish_error: CixError | None = None
    tells_created: bool = False
    job_state: Callable[[str], str] = lambda _job: "done"
    """`done`, `failed` or `working`; asked at each poll."""
    batches: list[Batch] = field(default_factory=list)
    """Every batch that arrived, taken or not."""
    jobs: dict[str, Batch] = field(default_factory=dict)
    polled: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sent_keys(self) -> list[str]:
        """The key of every row that arrived, as often as it did, in the order of arrival."""
        return [row.email_key for batch in self.batches for row in batch.rows]

    def arrive(self, batch: Batch) -> None:
        """Take in a request, or refuse it."""
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.batches.append(batch)
        try:
            assert len(batch.rows) <= (self.limits.removals if batch.action is Action.REMOVE else self.limits.rows)
            assert len(body_of([row.payload for row in batch.rows])) <= self.limits.body_bytes
            error = self.error(batch)
            if error is not None:
                raise error
            if any(row.email_key in self.poison for row in batch.rows):
                raise BatchRefusedError(REJECTED)
        finally:
            with self._lock:
                self._at_once -= 1

    def take(self, batch: Batch) -> BatchResult:
        """Put the rows on the list, or take them off it."""
        members = self.lists[batch.list_id]
        if batch.action is Action.REMOVE:
            absent = [row.email_key for row in batch.rows if row.email_key not in members]
            for row in batch.rows:
                members.pop(row.email_key, None)
            return BatchResult(absent=absent)
        problems, created = {}, 0
        with self._lock:
            for row in batch.rows:
                if row.email_key in self.suppressed:
                    problems[row.email_key] = SUPPRESSED
                elif row.email_key in self.rejected:
                    problems[row.email_key] = REJECTED
                else:
                    created += row.email_key not in members
                    members[row.email_key] = json.loads(row.payload)
        return BatchResult(problems, created if self.tells_created else None)


class _Memory(Destination):
    standard_fields: ClassVar[Collection[str]] = tuple(STANDARD_FIELDS)

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.limits = platform.limits  # type: ignore[misc]  # of this platform, not of the class

    @override
    def check(self) -> str:
        if self.platform.check_error is not None:
            raise self.platform.check_error
        return "Memory"

    @override
    def describe_list(self, list_id: str) -> PlatformList:
        if list_id not in self.platform.lists:
            raise CixError(LIST_UNKNOWN, f"List {list_id}: no such list.")
        return PlatformList(list_id, f"List {list_id}", self.platform.custom_fields)

    @override
    def row_encoder(self, platform_list: PlatformList, mapping: FieldMapping) -> Callable[[Contact], EncodedRow]:
        keys = {
            name: each.key
            for name, each in find_custom_fields(mapping.custom_fields, platform_list.custom_fields).items()
        }

        def encode(contact: Contact) -> EncodedRow:
            custom = {keys[name]: text for name, text in contact.custom_fields.items()}
            row = {"email": contact.email, **contact.fields, **custom}
            warnings = ["`Loyalty`: left as it is."] if contact.custom_fields.get("Loyalty") == "odd" else []
            return EncodedRow(json.dumps(row, ensure_ascii=False).encode(), warnings)

        return encode

    @override
    def body_overhead(self, list_id: str) -> int:
        return len(_BODY_START) + len(_BODY_END)

    @override
    def unsubscribe(self, batch: Batch) -> BatchResult | Job:
        self.platform.arrive(batch)
        self.platform.suppressed.update(row.email_key for row in batch.rows)
        return self.platform.take(batch)

    @override
    def members(self, list_id: str) -> Iterator[Member]:
        for email_key in self.platform.lists[list_id]:
            yield Member(email_key, on_list=True)

    @override
    def finish_list(self, list_id: str) -> None:
        self.platform.finished.append(list_id)
        if self.platform.finish_error is not None:
            raise self.platform.finish_error


class MemoryDestination(_Memory):
    """Answers each batch at once."""

    @override
    def send(self, batch: Batch) -> BatchResult:
        self.platform.arrive(batch)
        return self.platform.take(batch)


class MemoryJobDestination(_Memory, JobDestination):
    """Makes a job of each batch."""

    poll_seconds: ClassVar[float] = 0.01
    job_deadline_seconds = 600.0

    @override
    def send(self, batch: Batch) -> Job:
        self.platform.arrive(batch)
        with self.platform._lock:
            job_id = f"job-{len(self.platform.jobs) + 1}"
            self.platform.jobs[job_id] = batch
        return Job(job_id)

    @override
    def poll(self, job_ids: Collection[str]) -> Mapping[str, Any]:
        self.platform.polled.extend(job_ids)
        states = {job_id: self.platform.job_state(job_id) for job_id in job_ids}
        return {job_id: (job_id, state) for job_id, state in states.items() if state != "working"}

    @override
    def settle(self, batch: Batch, answer: Any) -> BatchResult:
        job_id, state = answer
        if state == "failed":
            raise CixError(JOB_FAILED, f"Job {job_id} ended as `failed`.")
        return self.platform.take(batch)


class MemoryDirectory(Directory):
    """What a platform in memory holds; its ids are like `L1`."""

    shared_fields: ClassVar[bool] = True

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    @override
    def account(self) -> Account:
        return Account("Memory")

    @override
    def lists(self) -> list[KnownList]:
        self.platform.listings += 1
        return [KnownList(list_id, self.platform.names.get(list_id, list_id)) for list_id in self.platform.lists]

    @override
    def sizes(self, list_ids: Collection[str]) -> dict[str, int]:
        return {list_id: len(self.platform.lists[list_id]) for list_id in list_ids}

    @override
    def custom_fields(self, list_id: str | None) -> tuple[CustomField, ...]:
        return self.platform.custom_fields

    @override
    def id_of(self, text: str) -> str | None:
        return text.upper() if re.fullmatch(r"[Ll]\d+", text) else None

    @override
    def create_list(self, name: str) -> str:
        list_id = f"L{len(self.platform.lists) + 100}"
        self.platform.lists[list_id], self.platform.names[list_id] = {}, name
        return list_id

    @override
    def planned_list(self, name: str) -> PlatformList:
        return PlatformList(name, name, self.platform.custom_fields)


class MemoryTarget(AudienceTarget):
    """Fills the lists of a platform in memory."""

    name = "target-memory"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("api_key", th.StringType, secret=True, description="Looked at by nobody."),
        *common_settings(STANDARD_FIELDS),
    ).to_dict()
    platform: ClassVar[Platform]
    destination_class: ClassVar[type[_Memory]] = MemoryDestination

    @override
    def make_destination(self, services: Services) -> Destination:
        return self.destination_class(self.platform)

    @override
    def make_directory(self, services: Services) -> Directory:
        return MemoryDirectory(self.platform)


class GatedDestination(MemoryDestination):
    """Waits at each step until a file lies in a folder that opens it, so that a test can act in between.

    The second call of `send` waits for `send-2`, or for `send`, which opens all of them.
    """

    def __init__(self, platform: Platform, folder: Path) -> None:
        super().__init__(platform)
        self._folder = folder
        self._passed: Counter[str] = Counter()

    def _pass(self, step: str) -> None:
        self._passed[step] += 1
        name = f"{step}-{self._passed[step]}"
        with (self._folder / "arrived").open("a") as arrived:
            arrived.write(f"{name}\n")
        while not ((self._folder / step).exists() or (self._folder / name).exists()):
            time.sleep(0.005)

    @override
    def check(self) -> str:
        self._pass("check")
        return super().check()

    @override
    def send(self, batch: Batch) -> BatchResult:
        with (self._folder / "sent").open("a") as sent:
            sent.writelines(f"{row.email_key}\n" for row in batch.rows)
        self._pass("send")
        return super().send(batch)


class GatedTarget(MemoryTarget):
    """The target of `GatedDestination`; one call at a time."""

    config_jsonschema: ClassVar[dict[str, Any]] = {
        **MemoryTarget.config_jsonschema,
        "properties": {**MemoryTarget.config_jsonschema["properties"], "gates": {"type": "string"}},
    }

    @override
    def make_destination(self, services: Services) -> Destination:
        limits = Limits(rows=3, body_bytes=2_000, email_length=60, calls=1, in_flight=1, removals=3)
        return GatedDestination(Platform(limits=limits), Path(self.config["gates"]))

    @override
    def make_directory(self, services: Services) -> Directory:
        return MemoryDirectory(Platform())
