"""Getting lists ready: looked up, with the custom fields and options that the export needs and the platform lacks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from audience_sdk.contact import Action
from audience_sdk.errors import FIELDS_TOO_MANY, LIST_UNKNOWN, OPTIONS_TOO_MANY, CixError
from audience_sdk.fields import wanted_field
from audience_sdk.ledger.names import remember, remembered
from audience_sdk.names import resolve
from audience_sdk.stage import Feed

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from audience_sdk.contact import StagedRow
    from audience_sdk.destination import CustomField, Destination, PlatformList
    from audience_sdk.directory import Directory
    from audience_sdk.fields import WantedField
    from audience_sdk.ledger import Ledger, Staging
    from audience_sdk.mapping import FieldMapping
    from audience_sdk.plan import ListPlan
    from audience_sdk.report import Report
    from audience_sdk.settings import Settings

MAX_NEW_OPTIONS = 100
"""Options that one field may get in one run; a column that would add more holds no choices."""


class Lists:
    """The lists of a run: looked up, and got ready for their rows.

    Args:
        destination: The platform.
        settings: The export's settings.
        mapping: The field mapping.
        report: Gets what is changed at the platform.
        logger: Where it is told.

    Attributes:
        numbers: The ledger's number of each list, by the platform's id.
    """

    def __init__(
        self,
        destination: Destination,
        settings: Settings,
        mapping: FieldMapping,
        report: Report,
        logger: logging.Logger,
    ) -> None:
        self.numbers: dict[str, int] = {}
        self._destination = destination
        self._settings = settings
        self._mapping = mapping
        self._report = report
        self._logger = logger
        self._planned: Mapping[str, PlatformList] = {}
        self._found: dict[str, PlatformList] = {}
        self._feeds: dict[str, Feed] = {}

    def resolve(self, directory: Directory, ledger: Ledger, *, make: bool) -> Settings:
        """Put ids in the place of names: whatever is kept or locked is kept and locked by the platform's id.

        Args:
            directory: The account's lists.
            ledger: Remembers which list a name meant.
            make: Whether lists that are missing may be made.

        Returns:
            The settings to go on with.

        Raises:
            CixError: If a list is not found, is another one than before, or cannot be made or filled.
        """
        before = {} if self._settings.accept_other_list else remembered(ledger, directory.place)
        resolved = resolve(self._settings, directory, before, self._check_new, make=make)
        remember(ledger, directory.place, resolved.named)
        self._settings, self._planned = resolved.settings, resolved.planned
        for name, list_id in resolved.made.items():
            self._changed(list_id, [f"list `{name}`"])
        for name in resolved.planned if self._settings.dry_run else ():
            self._changed(name, [f"list `{name}`"])
        return self._settings

    def is_planned(self, list_id: str) -> bool:
        """Say whether a list does not exist yet.

        Args:
            list_id: As the settings have it after `resolve`.
        """
        return list_id in self._planned

    def _check_new(self, planned: PlatformList) -> None:
        """Check that a list can be filled before it is made."""
        if not (self._settings.create_fields and self._missing(planned)):
            self._destination.row_encoder(planned, self._mapping)

    def add(self, list_id: str, list_no: int) -> None:
        """Look a list up, and get ready to fill it unless custom fields are to be created first.

        Args:
            list_id: The platform's id.
            list_no: The ledger's number.

        Raises:
            CixError: If there is no such list, or it lacks a custom field that may not be created.
        """
        settings = self._settings
        there = self._planned.get(list_id) or self._destination.describe_list(list_id)
        found = replace(there, options_grow=settings.extend_options)
        self.numbers[list_id], self._found[list_id] = list_no, found
        self._report.names[list_id] = found.name
        if settings.removes and settings.on_leave == "unsubscribe" and found.unsubscribing:
            self._report.warn(f"`on_leave: unsubscribe`: {found.unsubscribing}")
            self._logger.warning("List %s, `on_leave: unsubscribe`: %s", list_id, found.unsubscribing)
        if not (settings.create_fields and self._missing(found)):
            self._feeds[list_id] = self._feed(found)

    def feed(self, list_id: str, properties: Mapping[str, Any]) -> Feed:
        """Return what fills a list; custom fields that are missing are created here, if they may be.

        Args:
            list_id: The platform's id.
            properties: The properties of the schema of the segment that feeds it.

        Raises:
            CixError: If a field cannot be created.
        """
        if list_id not in self._found:
            message = f"List `{list_id}` is not there, and Meltano's test stream, which came first, makes none."
            raise CixError(LIST_UNKNOWN, message)
        if list_id not in self._feeds:
            found, columns = self._found[list_id], self._mapping.custom_fields
            wanted = [wanted_field(name, columns[name], properties) for name in self._missing(found)]
            made = []
            for design in design_fields(self._destination, found, wanted):
                # Each is told at once: those before stay, should the platform refuse one.
                dry_run = self._settings.dry_run
                made.append(design if dry_run else self._destination.create_field(list_id, design))
                self._changed(list_id, [f"custom field `{design.name}` ({design.kind})"])
            found = replace(found, custom_fields=(*found.custom_fields, *made))
            self._found[list_id], self._feeds[list_id] = found, self._feed(found)
        return self._feeds[list_id]

    def extend_options(self, plan: ListPlan, staging: Staging) -> None:
        """Add the options that the planned rows name and fields lack, if they may be added.

        Args:
            plan: What is to be done to the list.
            staging: The staged rows.

        Raises:
            CixError: `OPTIONS_TOO_MANY`, or whatever the platform refuses.
        """
        if not self._settings.extend_options:
            return
        rows = chain.from_iterable(staging.planned(plan.list_no, each.value) for each in (Action.CREATE, Action.UPDATE))
        for field, options in new_options(self._destination, self._found[plan.list_id], rows).items():
            if not self._settings.dry_run:
                self._destination.add_options(plan.list_id, field, options)
            self._changed(plan.list_id, [f"{len(options)} options of custom field `{field.name}`"])

    def _missing(self, platform_list: PlatformList) -> list[str]:
        return missing_fields(self._destination, platform_list, self._mapping.custom_fields)

    def _changed(self, list_id: str, lines: Sequence[str]) -> None:
        self._report.changed(list_id, lines)
        for line in lines:
            done = "Would create" if self._settings.dry_run else "Created"
            self._logger.info("%s at list %s: %s.", done, list_id, line)

    def _feed(self, platform_list: PlatformList) -> Feed:
        list_id, limits = platform_list.list_id, self._destination.limits
        return Feed(
            list_id=list_id,
            list_no=self.numbers[list_id],
            encode=self._destination.row_encoder(platform_list, self._mapping),
            row_bytes=limits.body_bytes - self._destination.body_overhead(list_id),
            email_length=limits.email_length,
        )


def missing_fields(destination: Destination, platform_list: PlatformList, names: Collection[str]) -> list[str]:
    """Return the custom fields of the field mapping that the platform does not have.

    Args:
        destination: The platform; it says which names are the same to it.
        platform_list: The list.
        names: The names as the user wrote them.
    """
    fold = destination.fold_field
    known = {fold(spelling) for field in platform_list.custom_fields for spelling in (field.key, field.name)}
    return [name for name in names if fold(name) not in known]


def design_fields(
    destination: Destination, platform_list: PlatformList, wanted: Sequence[WantedField]
) -> list[CustomField]:
    """Return the custom fields as the platform would make them; every bound is checked before the first one is made.

    Args:
        destination: The platform.
        platform_list: The list as it is.
        wanted: The fields that are missing.

    Raises:
        CixError: `FIELDS_TOO_MANY`, or `FIELD_UNKNOWN` if the platform cannot have such a field.
    """
    designs = [destination.design_field(field) for field in wanted]
    most = destination.limits.custom_fields
    there = len(platform_list.custom_fields)
    if most is not None and there + len(designs) > most:
        raise CixError(
            FIELDS_TOO_MANY,
            f"{len(designs)} custom fields would be created, the platform has {there} and takes {most};"
            " nothing was created.",
        )
    return designs


def new_options(
    destination: Destination, platform_list: PlatformList, rows: Iterable[StagedRow]
) -> Mapping[CustomField, list[str]]:
    """Return the options that rows name and their fields lack.

    Args:
        destination: The platform.
        platform_list: The list.
        rows: The rows that are to be sent.

    Returns:
        The missing options by field, in the order of the rows.

    Raises:
        CixError: `OPTIONS_TOO_MANY` if a field would get more than `MAX_NEW_OPTIONS`.
    """
    fields = {field.key: field for field in platform_list.custom_fields if field.options}
    known = {key: {option.casefold() for option in field.options} for key, field in fields.items()}
    missing: defaultdict[CustomField, list[str]] = defaultdict(list)
    if not fields:
        return missing
    for row in rows:
        for key, option in destination.values_of(row.payload):
            if key not in fields or not option or option.casefold() in known[key]:
                continue
            known[key].add(option.casefold())
            missing[fields[key]].append(option)
            if len(missing[fields[key]]) > MAX_NEW_OPTIONS:
                raise CixError(
                    OPTIONS_TOO_MANY,
                    f"The data has more than {MAX_NEW_OPTIONS} values that custom field `{fields[key].name}` has no"
                    " option for; nothing was sent.",
                )
    return missing
