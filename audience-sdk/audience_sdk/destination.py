"""The contract of a platform: its limits as data, its payloads and answers as code.

A destination says what the platform accepts and reads what it answers. Batching, pacing, retrying, splitting,
journalling and reporting are the engine's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import msgspec

from audience_sdk.errors import ANSWER_UNKNOWN, FIELD_UNKNOWN, CixError
from audience_sdk.fields import find_custom_fields as find_custom_fields  # noqa: PLC0414 - for destinations to import

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from audience_sdk.contact import Action, Contact, RowProblem, StagedRow
    from audience_sdk.fields import WantedField
    from audience_sdk.mapping import FieldMapping


@dataclass(frozen=True)
class Limits:
    """The bounds of one request that writes contacts, and of what may be under way at once.

    Attributes:
        rows: Most rows in one request.
        body_bytes: Most bytes in one request's body. Some platforms drop the excess silently, so it is ours to keep.
        email_length: Longest address, in characters.
        calls: Write requests at the same time.
        in_flight: Batches under way at the same time, those that the platform works on by itself included.
        removals: Most contacts that leave a list in one batch.
        custom_fields: Most custom fields that there can be, where the platform says so.
    """

    rows: int
    body_bytes: int
    email_length: int
    calls: int
    in_flight: int
    removals: int
    custom_fields: int | None = None


@dataclass(frozen=True)
class CustomField:
    """A custom field as the platform has it.

    Attributes:
        name: The name that people know it by.
        key: The key that a payload uses.
        kind: The platform's word for its type.
        options: What a field of choices can hold.
    """

    name: str
    key: str
    kind: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlatformList:
    """A list at the platform.

    Attributes:
        list_id: The platform's id.
        name: The name that people know it by.
        custom_fields: The custom fields that its contacts can have.
        unsubscribing: What unsubscribing somebody from it does elsewhere, in a sentence; empty if nothing.
        options_grow: Whether fields of choices get the options that rows name and they lack, so that a row may name
            them; set by the engine.
    """

    list_id: str
    name: str
    custom_fields: tuple[CustomField, ...] = ()
    unsubscribing: str = ""
    options_grow: bool = False


class EncodedRow(msgspec.Struct, frozen=True, gc=False):
    """A contact as it goes into a request.

    Attributes:
        payload: The JSON of the row.
        warnings: One short sentence for each value that was changed to fit, without the value.
    """

    payload: bytes
    warnings: Sequence[str] = ()


class Member(NamedTuple):
    """A person whom the platform knows, as it is read back.

    Attributes:
        email_key: The key of the contact.
        on_list: Whether the list holds the person now, in a state in which they are mailed.
        platform_id: The platform's id of the contact, where it has one.
    """

    email_key: str
    on_list: bool
    platform_id: str | None = None


@dataclass(frozen=True)
class Batch:
    """Rows that go to one list in one request.

    Attributes:
        list_id: The platform's id of the list.
        action: What is asked for.
        rows: The rows, each address once.
        sent_at: When the request was begun, seconds since the epoch.
    """

    list_id: str
    action: Action
    rows: Sequence[StagedRow]
    sent_at: float


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch.

    Attributes:
        problems: The rows that the platform did not take, by `email_key`; all others are confirmed.
        created: How many of the confirmed rows were new to the list, where the platform tells.
        absent: Of the people who were to leave, those who were not on the list any more: somebody else has taken them
            off, or they have left by their own act.
        unknown: Of these, those whom the platform does not know at all: who was in doubt has never joined then.
        warnings: What is odd about the answer without being a problem of a row, each in a sentence without values.
        platform_ids: The platform's ids of contacts, by `email_key`, as far as the answer has shown them.
    """

    problems: Mapping[str, RowProblem] = field(default_factory=dict)
    created: int | None = None
    absent: Collection[str] = ()
    unknown: Collection[str] = ()
    warnings: Sequence[str] = ()
    platform_ids: Mapping[str, str] = field(default_factory=dict)

    def check(self, rows: Sequence[StagedRow]) -> None:
        """Check that nothing is said of rows that were not sent: the rows that are meant would count as confirmed.

        Args:
            rows: The rows of the batch.

        Raises:
            CixError: `ANSWER_UNKNOWN`.
        """
        if self.problems:
            strangers = self.problems.keys() - {row.email_key for row in rows}
            if strangers:
                message = (
                    f"The answer to {len(rows)} rows names {len(strangers)} that were not sent; nothing in it counts."
                )
                raise CixError(ANSWER_UNKNOWN, message, in_doubt=True)


@dataclass(frozen=True)
class Leavers:
    """What the platform says of people who are to leave a list, before they are asked to.

    Attributes:
        rows: Who is to be taken off, with the platform's id where contacts leave by id.
        absent: Who is not on the list any more, as for `BatchResult`.
        unknown: Of these, those whom the platform does not know at all.
    """

    rows: Sequence[StagedRow]
    absent: Collection[str] = ()
    unknown: Collection[str] = ()

    def check(self, rows: Sequence[StagedRow]) -> None:
        """Check that each of those who are to leave is either there or not: whoever is left out would count as gone.

        Args:
            rows: The rows of the batch.

        Raises:
            CixError: `ANSWER_UNKNOWN`.
        """
        found = [*(row.email_key for row in self.rows), *self.absent]
        if sorted(found) != sorted(row.email_key for row in rows) or set(self.unknown) - set(self.absent):
            message = f"Of {len(rows)} people who are to leave, it was not found out of each whether they are there."
            raise CixError(ANSWER_UNKNOWN, message)


@dataclass(frozen=True)
class Job:
    """An accepted batch that the platform works on by itself.

    Attributes:
        job_id: The platform's id of the job.
        sure: Whether it is certain that the job is the batch's. One that is only taken for it, after its answer was
            lost, is settled by this run, or by none: a later one has the rows in doubt.
    """

    job_id: str
    sure: bool = True


class BatchRefusedError(Exception):
    """The platform refused a batch whole, perhaps for the sake of one row; the engine splits it.

    Args:
        problem: What to say of the row when the batch is down to one.
    """

    def __init__(self, problem: RowProblem) -> None:
        super().__init__(problem.reason)
        self.problem = problem


class BrokenOffError(Exception):
    """A batch of people who are to leave one by one has broken off.

    Args:
        error: What happened.
        asked: The keys of those who are off the list by now, or may be.
        leavers: Those who were found absent or unknown.
    """

    def __init__(self, error: CixError, asked: Collection[str], leavers: Leavers) -> None:
        super().__init__(error.message)
        self.error = error
        self.asked = asked
        self.leavers = leavers


class Destination(ABC):
    """The adapter to one platform.

    Attributes:
        limits: The bounds of the platform's write requests.
        standard_fields: The platform's own fields besides the address, which `field_mapping` may name.
        removes_by_id: Whether a contact leaves a list by the platform's id and not by its address.
        column_settings: Standard fields whose column is named by a setting of the target's own.
    """

    limits: ClassVar[Limits]
    standard_fields: ClassVar[Collection[str]]
    removes_by_id: ClassVar[bool] = False
    column_settings: Mapping[str, str] = MappingProxyType({})

    @abstractmethod
    def check(self) -> str:
        """Check the credentials with a cheap request that writes nothing.

        Returns:
            The account's name, or how else its owner knows it.

        Raises:
            CixError: If the platform refuses them or cannot be reached.
        """

    @abstractmethod
    def describe_list(self, list_id: str) -> PlatformList:
        """Look a list up, with the custom fields that its contacts can have.

        Args:
            list_id: The platform's id.

        Raises:
            CixError: `LIST_UNKNOWN` if it does not exist or is not this account's.
        """

    @abstractmethod
    def row_encoder(self, platform_list: PlatformList, mapping: FieldMapping) -> Callable[[Contact], EncodedRow]:
        """Return the pure function that makes a contact a row of a request.

        Args:
            platform_list: The list that the rows go to.
            mapping: The field mapping, whose custom fields are checked here.

        Raises:
            CixError: `FIELD_UNKNOWN` if the mapping names a custom field that the platform does not have.
        """

    @abstractmethod
    def body_overhead(self, list_id: str) -> int:
        """Return how many bytes a request's body has besides its rows and the commas between them."""

    @abstractmethod
    def send(self, batch: Batch) -> BatchResult | Job:
        """Send one batch: rows that join or change, or people who leave the list. Called from several threads.

        Somebody who is to leave and is not on the list has left: that is confirmed, not a problem, and they are named
        in `BatchResult.absent`, unless a request for this very batch may have taken them off (`Reply.repeated`).

        Args:
            batch: The rows.

        Returns:
            What became of them, or the job that the platform made of them.

        Raises:
            BatchRefusedError: If the platform refused the whole batch for what is in it.
            BrokenOffError: If the run cannot go on, of people who leave one by one.
            CixError: If the run cannot go on; `in_doubt` if some of the batch may have been carried out.
        """

    def look_up(self, batch: Batch) -> Leavers:
        """Find out who of those who are to leave is on the list; only they are sent then.

        Called before the batch is in the journal: what it finds is kept even if the process dies before the request.
        For platforms that take many off with one request, and so cannot say of each who had left before.

        Args:
            batch: The people.

        Returns:
            All of them, where the platform can tell with the request itself.

        Raises:
            CixError: If the run cannot go on.
        """
        return Leavers(batch.rows)

    @abstractmethod
    def unsubscribe(self, batch: Batch) -> BatchResult | Job:
        """Unsubscribe people, for exports whose `on_leave` asks for it. Called from several threads.

        Args:
            batch: The people.

        Returns:
            As `send`.
        """

    @abstractmethod
    def members(self, list_id: str) -> Iterator[Member]:
        """Yield everybody whom the platform knows: on the list, off it, unsubscribed, bounced.

        Args:
            list_id: The platform's id.

        Raises:
            CixError: If the platform refuses to list them.
        """

    def ids(self, list_id: str) -> Iterator[tuple[str, str]]:
        """Yield the address and the platform's id of everybody on a list, where contacts leave by id.

        Asked where many leave: their rows have the ids of this listing then, and no others.

        Args:
            list_id: The platform's id.

        Raises:
            CixError: If the platform refuses to list them.
        """
        for member in self.members(list_id):
            if member.on_list and member.platform_id:
                yield member.email_key, member.platform_id

    def fold_field(self, name: str) -> str:
        """Return a custom field's name or key in the one spelling of all that are the same to the platform.

        Args:
            name: As the user or the platform wrote it.
        """
        return name.casefold()

    def design_field(self, wanted: WantedField) -> CustomField:
        """Return the custom field as the platform would make it; nothing is sent.

        Args:
            wanted: What is missing.

        Raises:
            CixError: `FIELD_UNKNOWN` if the platform cannot have such a field, and why.
        """
        raise CixError(FIELD_UNKNOWN, f"Custom field `{wanted.name}` is missing and cannot be created from here.")

    def create_field(self, list_id: str, design: CustomField) -> CustomField:
        """Create a custom field.

        Args:
            list_id: The list that is to have it, where fields belong to lists.
            design: What `design_field` returned.

        Returns:
            The field with the key that the platform gave it.
        """
        raise NotImplementedError

    def add_options(self, list_id: str, field: CustomField, options: Sequence[str]) -> None:
        """Give a field of choices further options; those that it has stay.

        Args:
            list_id: The list, where fields belong to lists.
            field: The field as it is.
            options: The options that are missing.
        """
        raise NotImplementedError

    def values_of(self, payload: bytes) -> Iterable[tuple[str, str]]:  # noqa: ARG002 - for platforms with choices
        """Return the custom fields' keys and values in a row, a field with several choices several times.

        Args:
            payload: The row, as `row_encoder` made it.
        """
        return ()

    def read_back(self, list_id: str, rows: Sequence[StagedRow]) -> Iterable[str]:  # noqa: ARG002 - likewise
        """Compare what the platform holds with confirmed rows, and yield a sentence for each difference.

        Args:
            list_id: The list.
            rows: A few confirmed rows.

        Yields:
            What differs, naming the field and no value; the same sentence for the same kind of difference.
        """
        return ()

    def finish_list(self, list_id: str) -> None:  # noqa: B027 - most platforms have nothing to tidy up
        """Tidy up after the last batch for a list, unless jobs are left to a later run.

        Args:
            list_id: The platform's id.
        """


class JobDestination(Destination):
    """A destination whose platform works on batches by itself and is asked how far it is.

    Attributes:
        poll_seconds: Longest time between two polls; the first ones follow each other more closely.
        job_deadline_seconds: How long a job may take before its rows are left for the next run.
    """

    poll_seconds: ClassVar[float]
    job_deadline_seconds: float

    @abstractmethod
    def poll(self, job_ids: Collection[str]) -> Mapping[str, Any]:
        """Ask for the jobs under way, with as few requests as the platform allows.

        Args:
            job_ids: The jobs that have not ended yet.

        Returns:
            The platform's last answer by job id, for those that have ended.
        """

    def unfinished(self, since: float) -> Collection[str]:  # noqa: ARG002 - for platforms that list their jobs
        """Return the account's jobs that were begun since then and have not ended, whoever has begun them.

        Asked where an order may have become a job whose id nobody knows: until it has ended, nobody can say what
        becomes of its rows.

        Args:
            since: Seconds since the epoch, by this machine's clock.
        """
        return ()

    @abstractmethod
    def settle(self, batch: Batch, answer: Any) -> BatchResult:
        """Turn the platform's last answer about a job into an outcome for each row.

        Batches may be sent between the answer and this call.

        Args:
            batch: The rows that the job was given.
            answer: What `poll` returned for it.

        Raises:
            CixError: `JOB_FAILED` if the job ended without success.
        """
