"""Stage: the records of a segment become contacts, each encoded and hashed once for every list that it goes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audience_sdk.contact import Contact, Outcome, RowProblem
from audience_sdk.errors import EMAIL_INVALID, ROW_TOO_LARGE
from audience_sdk.mapping import as_text, row_key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from audience_sdk.destination import EncodedRow
    from audience_sdk.errors import ErrorCode
    from audience_sdk.ledger import Staging
    from audience_sdk.ledger.sorting import NewRow
    from audience_sdk.mapping import FieldMapping
    from audience_sdk.profile import Profiles
    from audience_sdk.report import Report


@dataclass(frozen=True)
class Feed:
    """A list that a segment goes to.

    Attributes:
        list_id: The platform's id.
        list_no: The ledger's number.
        encode: Makes a contact a row of a request to this list.
        row_bytes: Most bytes that one row can have.
        email_length: Longest address that the platform takes, in characters.
    """

    list_id: str
    list_no: int
    encode: Callable[[Contact], EncodedRow]
    row_bytes: int
    email_length: int


class SegmentStage:
    """Maps and stages the profiles of one segment.

    Args:
        segment: Name of the stream.
        key_columns: The key properties of the stream.
        profiles: Told which columns are needed; gives their values.
        mapping: The field mapping, already checked against the stream's columns.
        feeds: The lists that the segment goes to.
        staging: Where contacts are staged.
        report: Where rows that make no contact are reported.
    """

    def __init__(
        self,
        segment: str,
        key_columns: Sequence[str],
        *,
        profiles: Profiles,
        mapping: FieldMapping,
        feeds: Sequence[Feed],
        staging: Staging,
        report: Report,
    ) -> None:
        self._segment = segment
        key_columns = tuple(dict.fromkeys(key_columns))
        columns = mapping.columns(key_columns)
        profiles.want(columns)
        self._values_of = profiles.values_of(columns)
        self._key_length = len(key_columns)
        self._email_at = columns.index(mapping.email)
        self._to_contact = mapping.compiled(key_columns)
        self._feeds = tuple(feeds)
        self._staging = staging
        self._report = report
        self._segment_no = staging.segment_no(segment)

    def add(self, profiles: Sequence[Any]) -> None:
        """Map and stage profiles; one that makes no contact is reported as invalid.

        Args:
            profiles: Profiles of the segment, in the order of the stream.
        """
        for feed in self._feeds:
            self._report.list_counts(feed.list_id).received += len(profiles)
        made = list(map(self._to_contact, map(self._values_of, profiles)))
        contacts = [each for each in made if isinstance(each, Contact)]
        if len(contacts) < len(made):
            for profile, problem in zip(profiles, made, strict=True):
                if isinstance(problem, RowProblem):
                    self._report_invalid(self._values_of(profile), problem)
        for feed in self._feeds:
            self._staging.add(feed.list_no, self._rows(contacts, feed))

    def _report_invalid(self, values: Sequence[Any], problem: RowProblem) -> None:
        row_key, email = row_key_of(values[: self._key_length]), as_text(values[self._email_at])
        for feed in self._feeds:
            self._report.problem(feed.list_id, self._segment, row_key, email, problem)

    def _rows(self, contacts: Iterable[Contact], feed: Feed) -> Iterator[NewRow]:
        """Yield the rows of a list; a contact that makes none is reported as invalid."""
        encode, row_bytes, email_length = feed.encode, feed.row_bytes, feed.email_length
        segment_no = self._segment_no
        for contact in contacts:
            email = contact.email
            if len(email) > email_length:
                self._invalid(
                    feed, contact, EMAIL_INVALID, f"The platform takes addresses of at most {email_length} characters."
                )
                continue
            row = encode(contact)
            payload = row.payload
            if len(payload) > row_bytes:
                self._invalid(
                    feed, contact, ROW_TOO_LARGE, f"The row has {len(payload)} bytes; the platform takes {row_bytes}."
                )
                yield contact.email_key, segment_no, contact.row_key, None, None
                continue
            for text in row.warnings:
                self._report.warn(text)
            email_key = contact.email_key
            yield email_key, segment_no, contact.row_key, None if email == email_key else email, payload

    def _invalid(self, feed: Feed, contact: Contact, code: ErrorCode, reason: str) -> None:
        problem = RowProblem(Outcome.INVALID, code, reason)
        self._report.problem(feed.list_id, self._segment, contact.row_key, contact.email, problem)
