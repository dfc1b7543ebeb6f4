"""What a run tells afterwards: counts per list, the rows that are not on it and why, and one summary."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from io import StringIO
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.table import Table

from audience_sdk.contact import Outcome
from audience_sdk.errors import (
    ACCOUNTING_BROKEN,
    ANSWER_UNKNOWN,
    LEFT_ALL_SEGMENTS,
    OUTPUT_UNWRITABLE,
    CixError,
    ErrorCode,
)
from audience_sdk.ledger.database import PRIVATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from audience_sdk.contact import RowProblem
    from audience_sdk.http import Traffic


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


_TO_JSON = msgspec.json.Encoder().encode


@dataclass
class Counts:
    """What became of the rows of one list, and how many contacts left it.

    Every received row is in exactly one of the other numbers, `removed` apart.
    """

    received: int = 0
    invalid: int = 0
    duplicate: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    suppressed: int = 0
    rejected: int = 0
    deferred: int = 0
    failed: int = 0
    removed: int = 0

    def add(self, outcome: Outcome, rows: int = 1) -> None:
        """Count rows under their outcome."""
        setattr(self, outcome.value, getattr(self, outcome.value) + rows)

    def add_all(self, other: Counts) -> None:
        """Add the numbers of another list."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def accounted(self) -> int:
        """Return in how many outcomes rows have ended."""
        return sum(getattr(self, outcome.value) for outcome in Outcome)


@dataclass
class Report:
    """The report of one run, written as it goes.

    Attributes:
        directory: `output_dir/<target>/<run_id>`.
        run_id: The run.
        target: Name of the target.
        display_name: Name of the connection.
        sync_mode: The sync mode.
        dry_run: Whether the run ends with the plan.
        traffic: What the run has asked of the platform.
        changes: What was changed at the platform besides contacts, by list; in a dry run what would be.
        left_out: The segments that the tap has left out as unchanged; their rows stand in an earlier run.
        unsettled: The segments with a person whom the next run is to try again.
        unknown_answers: Answers about rows that nobody knows, without personal data, and how often they came.
    """

    directory: Path
    run_id: str
    target: str
    display_name: str
    sync_mode: str
    dry_run: bool
    traffic: Traffic
    lists: dict[str, Counts] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)
    error: dict[str, str] | None = None
    not_removed: int = 0
    unsettled: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    changes: dict[str, list[str]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    unknown_answers: dict[str, int] = field(default_factory=dict)
    started_at: str = field(default_factory=_now)

    def __post_init__(self) -> None:
        """Make the run's folder and the file of rejected rows."""
        self._rejected_path = path = self.directory / "rejected.jsonl"
        with _clear_errors(path):
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, PRIVATE)
            self._rejected = os.fdopen(descriptor, "wb")

    def list_counts(self, list_id: str) -> Counts:
        """Return the counts of a list, to be added to."""
        return self.lists.setdefault(list_id, Counts())

    def warn(self, text: str, rows: int = 1) -> None:
        """Count a warning that concerns rows; the text names no value."""
        self.warnings[text] = self.warnings.get(text, 0) + rows

    def changed(self, list_id: str, lines: Sequence[str]) -> None:
        """Note what was changed at the platform besides contacts.

        Args:
            list_id: The list.
            lines: What was changed; holds no personal data.
        """
        if lines:
            self.changes.setdefault(list_id, []).extend(lines)

    def problem(self, list_id: str, segment: str, row_key: str, email: str, problem: RowProblem) -> None:
        """Count a row that is not on the list, and write down why.

        Args:
            list_id: The list.
            segment: The stream.
            row_key: The profile's key.
            email: The address, as far as there is one.
            problem: What became of the row and why.
        """
        self.list_counts(list_id).add(problem.outcome)
        self._write_row(list_id, segment, row_key, email, problem.outcome.value, problem.code, problem.reason)

    def removal_problem(self, list_id: str, row_key: str, email: str, problem: RowProblem) -> None:
        """Write down who is to leave a list and is not confirmed to have left it; this is no received row.

        Args:
            list_id: The list.
            row_key: The profile's key, as it was when the profile was in a segment.
            email: The address.
            problem: What happened.
        """
        self.not_removed += 1
        self.late_problem(list_id, row_key, email, problem)

    def late_problem(self, list_id: str, row_key: str, email: str, problem: RowProblem) -> None:
        """Write down what a later run has learnt about a row of an earlier one; this is no received row.

        Args:
            list_id: The list.
            row_key: The profile's key.
            email: The address.
            problem: What became of the row and why.
        """
        self._write_row(list_id, "", row_key, email, problem.outcome.value, problem.code, problem.reason)

    def left(self, list_id: str, row_key: str, email: str) -> None:
        """Write down who has left a list because no segment feeds them any more; counted under `removed`.

        Args:
            list_id: The list.
            row_key: The profile's key, as it was when the profile was in a segment.
            email: The address.
        """
        self._write_row(list_id, "", row_key, email, "removed", LEFT_ALL_SEGMENTS, LEFT_ALL_SEGMENTS.meaning)

    def _write_row(
        self, list_id: str, segment: str, row_key: str, email: str, outcome: str, code: ErrorCode, reason: str
    ) -> None:
        if code is ANSWER_UNKNOWN:
            self.unknown_answers[reason] = self.unknown_answers.get(reason, 0) + 1
        row = {
            "row_key": row_key,
            "email": email,
            "outcome": outcome,
            "code": code.code,
            "reason": reason,
            "what_to_do": code.action,
            "segment": segment,
            "list_id": list_id,
        }
        with _clear_errors(self._rejected_path):
            self._rejected.write(_TO_JSON(row) + b"\n")

    def flush(self) -> None:
        """Have the system keep the rows that were written down, should this process die."""
        with _clear_errors(self._rejected_path):
            self._rejected.flush()

    def total(self) -> Counts:
        """Return the counts of all lists together."""
        total = Counts()
        for counts in self.lists.values():
            total.add_all(counts)
        return total

    def check_accounts(self) -> None:
        """Check that every received row has exactly one outcome.

        Raises:
            CixError: `ACCOUNTING_BROKEN`, with the numbers.
        """
        for list_id, counts in self.lists.items():
            if counts.received != counts.accounted():
                raise CixError(
                    ACCOUNTING_BROKEN,
                    f"List {list_id}: {counts.received} rows received, {counts.accounted()} accounted for.",
                )

    def finish(self, status: str) -> Path:
        """Write the summary.

        Args:
            status: How the run has ended.

        Returns:
            The summary's path.
        """
        try:
            with _clear_errors(self._rejected_path):
                self._rejected.close()
        except CixError:
            # A run that fails already, perhaps for this very reason, still gets its summary.
            if self.error is None:
                raise
        summary = {
            "run_id": self.run_id,
            "target": self.target,
            "display_name": self.display_name,
            "sync_mode": self.sync_mode,
            "dry_run": self.dry_run,
            "status": status,
            "error": self.error,
            "started_at": self.started_at,
            "finished_at": _now(),
            "counts": asdict(self.total()),
            "lists": {list_id: asdict(counts) for list_id, counts in self.lists.items()},
            "requests": self.traffic.requests,
            "retries": self.traffic.retries,
            "bytes": self.traffic.bytes,
            "not_removed": self.not_removed,
            "warnings": self.warnings,
            "changes": self.changes,
            "left_out": self.left_out,
            "unknown_answers": self.unknown_answers,
        }
        path = self.directory / "summary.json"
        _write_whole(path, summary)
        return path

    def write_plan(self, plan: dict[str, Any]) -> Path:
        """Write the plan of a dry run.

        Args:
            plan: The plan by list; people stand in it as keyed hashes.

        Returns:
            The file's path.
        """
        path = self.directory / "plan.json"
        _write_whole(path, plan)
        return path

    def table(self, status: str) -> str:
        """Return the summary for a person: a title, and a table of the counts.

        Args:
            status: How the run has ended.
        """
        title = f"{self.display_name or self.target}: {'plan' if self.dry_run else 'run'} {self.run_id}, {status}"
        if not self.lists:
            return title
        table = Table()
        table.add_column("")
        columns = dict(self.lists) if len(self.lists) == 1 else {**self.lists, "all": self.total()}
        for list_id in columns:
            name = self.names.get(list_id)
            table.add_column(f"{name}\n{list_id}" if name else list_id, justify="right")
        for each in fields(Counts):
            table.add_row(each.name, *(str(getattr(counts, each.name)) for counts in columns.values()))
        text = StringIO()
        # The name of a list is nobody's markup.
        Console(file=text, width=max(80, 40 * (1 + len(columns))), markup=False, emoji=False).print(table)
        return "\n".join([title, *(line.rstrip() for line in text.getvalue().splitlines())])


def _write_whole(path: Path, content: dict[str, Any]) -> None:
    """Write a file that is there whole or not at all."""
    partial = path.with_suffix(".partial")
    with _clear_errors(path):
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_CREAT | os.O_WRONLY, PRIVATE), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2, ensure_ascii=False)
            file.write("\n")
        partial.replace(path)


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CixError(OUTPUT_UNWRITABLE, f"Cannot write `{path}`: {error.strerror}.") from error
