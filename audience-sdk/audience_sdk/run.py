"""One run of an export: read, map, stage, plan, apply, report, in this one direction."""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from audience_sdk.apply import Applier
from audience_sdk.contact import Action, Outcome, RowProblem
from audience_sdk.errors import (
    EMAIL_DUPLICATE,
    JOB_UNFINISHED,
    LIST_UNSET,
    MAY_HAVE_LEFT,
    NOTHING_ARRIVED,
    PERSON_SUPPRESSED,
    QUOTA_SPENT,
    REMOVALS_FAILED,
    ROWS_DEFERRED,
    ROWS_FAILED,
    SKIPPED_BUT_NEEDED,
    STOPPED,
    THROTTLED,
    TOO_MANY_REJECTED,
    CixError,
)
from audience_sdk.ledger import DUPLICATE, HELD_AWAY, HELD_SUPPRESSED, Ledger, Staging, ledger_path
from audience_sdk.ledger import contents as contents_held
from audience_sdk.ledger.locks import held
from audience_sdk.mapping import FieldMapping, nearest
from audience_sdk.plan import check_guards, make_plan, preview
from audience_sdk.prepare import Lists
from audience_sdk.profile import Profiles
from audience_sdk.progress import progress
from audience_sdk.readback import Sample, read_back
from audience_sdk.recover import Past, erase_leftovers, recover
from audience_sdk.report import Report
from audience_sdk.stage import SegmentStage
from audience_sdk.unchanged import Unchanged

if TYPE_CHECKING:
    import logging
    import threading
    from collections.abc import Collection, Mapping, Sequence

    from audience_sdk.destination import Destination
    from audience_sdk.directory import Directory
    from audience_sdk.http import Traffic
    from audience_sdk.plan import ListPlan, Plan
    from audience_sdk.settings import Settings


class Run:
    """One run: begun, fed with records, and finished or failed.

    Args:
        target: Name of the target.
        settings: The export's settings.
        destination: The platform.
        directory: The account's lists, for settings that name one.
        traffic: Counts the requests that the destination sends.
        stop: Set when the run is to stop; the destination heeds it too.
        logger: The target's logger.
        form: Fingerprint of the settings that decide on what the lists hold; None where streams are made of others, so
            that no bookmark of the tap's says what the lists hold.

    Attributes:
        profiles: The columns that the run needs of the profiles.
        checks_only: Whether nothing but Meltano's test stream is expected; set before `begin` if that comes first.
        settled_state: The state that may go out; None before all that it covers is confirmed.

    Raises:
        CixError: If a setting, the ledger or the output folder is unusable.
    """

    def __init__(
        self,
        *,
        target: str,
        settings: Settings,
        destination: Destination,
        directory: Directory,
        traffic: Traffic,
        stop: threading.Event,
        logger: logging.Logger,
        form: bytes | None = b"",
    ) -> None:
        self._form = form
        self.settled_state: dict[str, Any] | None = None
        self._target = target
        self._settings = settings
        self._destination = destination
        self._directory = directory
        self._logger = logger
        self._stop = stop
        self._resources = ExitStack()
        self._reading = ExitStack()
        self.profiles = Profiles()
        self.checks_only = False
        self._begun = False
        self._segments: set[str] = set()
        self._past: defaultdict[str, Past] = defaultdict(Past)
        self._complete: set[str] = set()
        settings.check_lists()
        settings.check_consent()
        self._ledger_path = ledger_path(settings.ledger_url)
        mapping = {**settings.field_mapping, **destination.column_settings}
        self._mapping = FieldMapping.parse(mapping, destination.standard_fields)
        self._mapping_hash = hashlib.blake2b(repr(self._mapping).encode(), digest_size=16).digest()
        run_id = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        self.report = Report(
            directory=settings.output_dir / target / run_id,
            run_id=run_id,
            target=target,
            display_name=settings.display_name,
            sync_mode="mirror" if settings.mirror else "upsert",
            dry_run=settings.dry_run,
            traffic=traffic,
        )
        self._lists = Lists(destination, settings, self._mapping, self.report, logger)

    def begin(self) -> None:
        """Check what can be checked before the first record, and open the ledger.

        Raises:
            CixError: If the platform refuses the credentials, a list is missing or busy, a mapped field does not
                exist, or the ledger is unusable.
        """
        self._logger.info("Connected to %s.", self._destination.check())
        self._ledger = Ledger(self._ledger_path, read_only=self._settings.dry_run)
        self._resources.callback(self._ledger.close)
        make = not (self._settings.dry_run or self.checks_only)
        self._settings = self._lists.resolve(self._directory, self._ledger, make=make)
        for list_id in self._settings.all_lists():
            if self.checks_only and self._lists.is_planned(list_id):
                continue
            self._resources.enter_context(held(self._ledger_path, f"list {list_id}"))
            self._lists.add(list_id, self._ledger.list_no(self._target, list_id))
        # Whoever can take this lock knows that the run is over.
        self._resources.enter_context(held(self._ledger_path, f"run {self.report.run_id}", once=True))
        if not self._settings.dry_run:
            self._settle_the_past()
            self._ledger.begin_run(self.report.run_id, self._target, self._mapping_hash)
        self._staging = Staging(self._ledger, self.report.run_id)
        self._resources.callback(self._let_go_of_staging)
        self._read = self._reading.enter_context(progress(self._logger, "profiles read"))
        self._begun = True

    def open_segment(self, segment: str, properties: Mapping[str, Any], key_columns: Sequence[str]) -> SegmentStage:
        """Get ready for the records of a segment; custom fields that are missing are created here, if they may be.

        Args:
            segment: Name of the stream.
            properties: The properties of its schema.
            key_columns: Its key properties.

        Raises:
            CixError: If the mapping does not fit the segment, no list is named for it, or a field cannot be created.
        """
        self._mapping.check_columns(segment, properties, self._destination.column_settings)
        feeds = [self._lists.feed(list_id, properties) for list_id in self._settings.lists_of(segment)]
        for feed in feeds:
            self.report.list_counts(feed.list_id)
        self._segments.add(segment)
        return SegmentStage(
            segment,
            key_columns,
            profiles=self.profiles,
            mapping=self._mapping,
            feeds=feeds,
            staging=self._staging,
            report=self.report,
        )

    def mark_complete(self, segment: str) -> None:
        """Note that a segment was read to its end.

        Args:
            segment: Name of the stream.
        """
        if segment in self._segments:
            self._complete.add(segment)

    def mark_open(self, segment: str) -> None:
        """Note that a segment goes on: some taps send ACTIVATE_VERSION before the first record too.

        Args:
            segment: Name of the stream.
        """
        self._complete.discard(segment)

    def read(self, rows: int) -> None:
        """Note that rows were read, and stop here if the run is to stop.

        Args:
            rows: How many.

        Raises:
            CixError: `STOPPED`.
        """
        self._read(rows)
        if self._stop.is_set():
            raise CixError(STOPPED, "The run was stopped while it read the segments; nothing was sent.")

    def finish(self, state: Mapping[str, Any] | None = None) -> None:
        """Plan, send, and report, once every record has been staged.

        Args:
            state: The tap's last state.

        Raises:
            CixError: If the run is not a success; the report then says the same.
        """
        self._reading.close()
        unchanged = self._left_out(state)
        self._check_arrivals(unchanged.segments)
        needed = unchanged.needed(self._ledger, self._numbers_of)
        plan = make_plan(
            self._ledger,
            self._staging,
            {list_id: self._lists.numbers[list_id] for list_id in self.report.lists},
            self._segments if self._settings.assume_full_table else self._complete,
            # Nobody leaves while it is open whom the segments feed that were left out.
            replace(self._settings, on_leave="keep") if needed else self._settings,
            self._mapping_hash,
        )
        if self._settings.dry_run:
            path = self.report.write_plan(preview(plan, self._ledger, self._staging))
            self._logger.info("Plan: %s", path)
        check_guards(plan, self._ledger, self._staging, self._settings)
        for each in plan.lists:
            self._lists.extend_options(each, self._staging)
            self._count_settled(each)
        error = None
        if self._settings.dry_run:
            self._preview(plan)
        else:
            # While segments are needed that were left out, nobody leaves, and the guards need to know who was there.
            error = self._apply(plan, read_to_the_end=() if needed else plan.complete)
        if error is None:
            self.report.check_accounts()
            error = self._judgement()
        if error is None:
            self._settle(unchanged, plan, confirm=not needed)
            error = _read_again(needed)
        if error is not None:
            raise error
        self._tell_the_past()
        self._close("planned" if self._settings.dry_run else "succeeded")

    def fail(self, error: CixError) -> None:
        """End the run with an error: the report is written all the same, every row in it accounted for.

        Args:
            error: What ended the run.
        """
        self._reading.close()
        for counts in self.report.lists.values():
            # Rows that were staged and not begun wait for the next run.
            counts.add(Outcome.DEFERRED, max(0, counts.received - counts.accounted()))
        self.report.error = {"code": error.code.code, "message": error.message, "what_to_do": error.action}
        with suppress(CixError):
            # Perhaps nothing can be written any more; the summary is tried all the same.
            self._tell_the_past()
        self._close(_STATUS.get(error.code, "failed"))

    def _left_out(self, state: Mapping[str, Any] | None) -> Unchanged:
        read_all = self._settings.full_resync or self._settings.readmit or self._form is None
        unchanged = Unchanged(state, self._segments, self._form or b"", read_all=read_all)
        if unchanged.segments:
            self.report.left_out = sorted(unchanged.segments)
            self._logger.info("Unchanged and left out by the tap: %s.", ", ".join(self.report.left_out))
            for segment in unchanged.segments:
                self._settings.lists_of(segment)
        return unchanged

    def _numbers_of(self, segment: str) -> list[int]:
        """Return the ledger's numbers of the lists that a segment goes to; none if the settings name no list."""
        try:
            return [self._lists.numbers[list_id] for list_id in self._settings.lists_of(segment)]
        except CixError:
            return []

    def _settle(self, unchanged: Unchanged, plan: Plan, *, confirm: bool) -> None:
        """Note what the lists hold now, and make the state that says so."""
        if self._settings.dry_run:
            return
        if confirm:
            unchanged.keep(self._ledger, self._numbers_of, plan.complete - self.report.unsettled)
        self.settled_state = unchanged.state(self._ledger, self._numbers_of)

    def _check_arrivals(self, unchanged: Collection[str]) -> None:
        """Check that what the settings name has arrived, or was left out as unchanged.

        Args:
            unchanged: The segments that were left out.

        Raises:
            CixError: `NOTHING_ARRIVED`, or `LIST_UNSET` if `lists` seems to misspell a segment that arrived.
        """
        if not self._segments and not unchanged and not self.checks_only:
            raise CixError(NOTHING_ARRIVED, "No segment arrived; nothing was sent.")
        lists = self._settings.lists
        for missing in sorted(lists.keys() - self._segments - set(unchanged)):
            alike = nearest(missing, self._segments - lists.keys())
            if alike:
                raise CixError(LIST_UNSET, f"Setting `lists` names segment `{missing}`, which did not arrive{alike}.")
            self._logger.warning("Segment `%s` of setting `lists` did not arrive.", missing)

    def _settle_the_past(self) -> None:
        """Settle what earlier runs left in flight, and erase the staged rows that nothing needs any more."""
        for list_id, list_no in self._lists.numbers.items():
            recover(
                self._destination,
                self._ledger,
                list_id,
                list_no,
                mapping=self._mapping_hash,
                past=self._past[list_id],
                stop=self._stop,
                logger=self._logger,
            )
        erase_leftovers(self._ledger)

    def _let_go_of_staging(self) -> None:
        if self._ledger.has_journalled(self.report.run_id):
            self._staging.close()
        else:
            self._staging.erase()

    def _count_settled(self, plan: ListPlan) -> None:
        """Count the rows of a list that need no request."""
        self.report.list_counts(plan.list_id).add(Outcome.UNCHANGED, plan.diff.unchanged)
        if plan.mapping_changed and plan.diff.update:
            self.report.warn("Sent again: the field mapping has changed since the last run.", plan.diff.update)
        if plan.diff.stay:
            text = "Stay on the list, though no segment holds them: no export is known to have put them there"
            self.report.warn(f"{text} (`adopt_existing`).", plan.diff.stay)
        late = self._past[plan.list_id].suppressed
        if late:
            # Who is asked again in this run is told of once, by the new answer.
            for action in (Action.CREATE, Action.UPDATE):
                for row in self._staging.planned(plan.list_no, action.value):
                    late.pop(row.email_key, None)
        for kind, problem in _NOT_SENT.items():
            for row in self._staging.planned(plan.list_no, kind):
                segment = self._staging.segments_of(row)[0]
                told = problem
                if problem.outcome is Outcome.SUPPRESSED:
                    _, told = late.pop(row.email_key, (row, problem))
                self.report.problem(plan.list_id, segment, row.row_key, row.email, told)

    def _preview(self, plan: Plan) -> None:
        """Count the planned rows as what they would become."""
        for each in plan.lists:
            counts = self.report.list_counts(each.list_id)
            counts.add(Outcome.CREATED, each.diff.create)
            counts.add(Outcome.UPDATED, each.diff.update)
            counts.removed = each.diff.remove

    def _apply(self, plan: Plan, read_to_the_end: Collection[str]) -> CixError | None:
        self._ledger.add_segments(self._segments)
        contents_held.forget(self._ledger, [each.list_no for each in plan.lists], self._segments)
        for each in plan.lists:
            self._ledger.add_memberships(each.list_no, self._staging.joined(each.list_no))
        sample = Sample(
            self._settings.read_back_sample, sum(each.diff.create + each.diff.update for each in plan.lists)
        )
        with progress(self._logger, "profiles handled", plan.writes) as advance:
            error = Applier(
                self._destination,
                self._ledger,
                self._staging,
                self.report,
                stop=self._stop,
                unsubscribe=self._settings.on_leave == "unsubscribe",
                sample=sample,
                advance=advance,
            ).run(plan)
        if error is None:
            for each in plan.lists:
                left = self._staging.left(each.list_no)
                gone = ((segment, keys) for segment, keys in left if segment in read_to_the_end)
                self._ledger.drop_memberships(each.list_no, gone)
                self._ledger.keep_mapping(each.list_no, self._mapping_hash)
            read_back(self._destination, sample.rows, self.report, self._logger)
        return error

    def _judgement(self) -> CixError | None:
        """Return why a run that sent everything is not a success, if so."""
        total = self.report.total()
        refused = total.invalid + total.rejected
        if total.failed:
            return CixError(ROWS_FAILED, f"{total.failed} of {total.received} rows have failed.")
        if self.report.not_removed:
            return CixError(REMOVALS_FAILED, f"{self.report.not_removed} people are not confirmed to have left.")
        if total.deferred:
            return CixError(ROWS_DEFERRED, f"{total.deferred} of {total.received} rows were left for the next run.")
        if refused > total.received * self._settings.max_rejected_ratio:
            return CixError(
                TOO_MANY_REJECTED,
                f"{refused} of {total.received} rows were invalid or rejected,"
                f" `max_rejected_ratio` is {self._settings.max_rejected_ratio:g}.",
            )
        return None

    def _tell_the_past(self) -> None:
        untold, self._past = self._past, defaultdict(Past)
        for list_id, past in untold.items():
            past.tell(list_id, self.report)

    def _close(self, status: str) -> None:
        # Should the report not be written, the run fails and this is called again; the ledger is closed by then.
        begun, self._begun = self._begun, False
        with self._resources:
            path = self.report.finish(status)
            self._logger.info("%s\nSummary: %s", self.report.table(status), path)
            if begun and not self._settings.dry_run:
                self._ledger.end_run(self.report.run_id, status)


def _read_again(needed: list[str]) -> CixError | None:
    """Return the error for segments that the tap has left out although a list needs them."""
    if not needed:
        return None
    names = ", ".join(f"`{segment}`" for segment in needed)
    message = (
        f"Left out as unchanged, but a list does not hold them just so (another field mapping, mode or list, or another"
        f" ledger, than when they were read): {names}."
    )
    return CixError(SKIPPED_BUT_NEEDED, message)


_NOT_SENT = {
    HELD_SUPPRESSED: RowProblem(
        Outcome.SUPPRESSED,
        PERSON_SUPPRESSED,
        "The platform suppressed the person earlier; `ask_suppressed_again_days` says when it is asked again.",
    ),
    HELD_AWAY: RowProblem(Outcome.SUPPRESSED, MAY_HAVE_LEFT, "May have left the list by their own act."),
    DUPLICATE: RowProblem(Outcome.DUPLICATE, EMAIL_DUPLICATE, EMAIL_DUPLICATE.meaning),
}

_STATUS = {
    STOPPED: "stopped",
    ROWS_DEFERRED: "incomplete",
    QUOTA_SPENT: "incomplete",
    THROTTLED: "incomplete",
    JOB_UNFINISHED: "incomplete",
    SKIPPED_BUT_NEEDED: "incomplete",
}
"""How a run is called that an error ended, where it did not fail."""
