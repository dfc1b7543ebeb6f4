"""The settings that every target has: their JSON Schema, and the checked values."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from audience_sdk.errors import CONSENT_MISSING, LIST_UNSET, SETTING_INVALID, CixError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PROFILES = 1_000_000
"""The ceiling of one export, as Microsoft's own exports to these platforms had it."""

_BELOW = "custom_fields."

# Meltano cannot pass a decimal from the environment, but it can pass a text.
_ratio_type = th.CustomType({"type": ["number", "string"]})
_columns = th.OneOf(th.StringType, th.ArrayType(th.StringType))


def common_settings(field_names: Mapping[str, str]) -> list[th.Property[Any]]:
    """Return the settings that every target has.

    Args:
        field_names: What each standard field of the platform is, by its name in `field_mapping`.

    Returns:
        The settings, for the target's `config_jsonschema`.
    """
    mapping = th.ObjectType(
        th.Property("email", th.StringType, required=True, description="Column of the e-mail address."),
        *(th.Property(name, _columns, description=text) for name, text in field_names.items()),
        th.Property(
            "custom_fields",
            th.ObjectType(additional_properties=_columns),
            description="Column, or list of columns, by the platform's custom field.",
        ),
    )
    return [
        th.Property("display_name", th.StringType, default="", description="Name of this connection in reports."),
        th.Property(
            "data_privacy_consent",
            th.BooleanType,
            default=False,
            description="Must be true: personal data leaves the Customer Insights compliance boundary on your"
            " instruction.",
        ),
        th.Property("list_id", th.StringType, description="The list that segments go to: its id or its name."),
        th.Property(
            "lists",
            th.ObjectType(additional_properties=th.OneOf(th.StringType, th.ArrayType(th.StringType))),
            description="List, or several, by segment, each by id or name; goes before `list_id`.",
        ),
        th.Property(
            "create_list",
            th.BooleanType,
            default=False,
            description="Make a list that `list_id` or `lists` names and that does not exist. Otherwise it stops the"
            " run, since the name may be misspelt. What has the form of an id is never taken for a name.",
        ),
        th.Property(
            "accept_other_list",
            th.BooleanType,
            default=False,
            description="Take the list that a name means now, or make it, though the name meant another one in earlier"
            " runs; for one run.",
        ),
        th.Property(
            "field_mapping",
            mapping,
            required=True,
            description="Columns of the segment by field of the platform. A list of columns is joined by a blank.",
        ),
        th.Property(
            "create_fields",
            th.BooleanType,
            default=False,
            description="Create custom fields that `field_mapping` names and the platform lacks, of the type that the"
            " segment's schema calls for. Otherwise a missing one stops the run, since it may be misspelt.",
        ),
        th.Property(
            "extend_options",
            th.BooleanType,
            default=False,
            description="Give fields of choices the options that rows name and they lack. Otherwise such a value is"
            " left out and counted.",
        ),
        th.Property(
            "read_back_sample",
            th.IntegerType,
            default=20,
            description="So many written people are read back after a run, to find what the platform did not keep; 0"
            " for none.",
        ),
        th.Property(
            "max_profiles",
            th.IntegerType,
            default=MAX_PROFILES,
            description="An export of more profiles stops before the first request.",
        ),
        th.Property(
            "max_rejected_ratio",
            _ratio_type,
            default=0.25,
            description="Largest share of invalid and rejected rows with which a run counts as successful.",
        ),
        th.Property(
            "sync_mode",
            th.StringType,
            allowed_values=["upsert", "mirror"],
            default="upsert",
            description="`upsert` adds and changes; `mirror` also lets those leave the list who have left every segment"
            " that feeds it.",
        ),
        th.Property(
            "on_leave",
            th.StringType,
            allowed_values=["remove", "unsubscribe", "keep"],
            default="remove",
            description="What `mirror` does with those who leave: take them off the list, unsubscribe them, nothing.",
        ),
        th.Property(
            "max_removal_ratio",
            _ratio_type,
            default=0.3,
            description="Largest share of a list's people who may leave it in one run.",
        ),
        th.Property(
            "removal_floor",
            th.IntegerType,
            default=10,
            description="So many may leave in any case, so that small lists work.",
        ),
        th.Property(
            "allow_empty_segment",
            th.BooleanType,
            default=False,
            description="Let the people of a segment leave that is empty now; for one run.",
        ),
        th.Property(
            "assume_full_table",
            th.BooleanType,
            default=False,
            description="Take every segment that arrives for complete, for taps that never send ACTIVATE_VERSION. A tap"
            " that dies half-way then looks like people who have left.",
        ),
        th.Property(
            "adopt_existing",
            th.BooleanType,
            default=False,
            description="The list belongs to this export: people whom it did not put there may leave it too.",
        ),
        th.Property(
            "full_resync",
            th.BooleanType,
            default=False,
            description="Send unchanged contacts too; for one run.",
        ),
        th.Property(
            "readmit",
            th.BooleanType,
            default=False,
            description="Send people who may have left the list by their own act (known after `--rebuild-ledger`); for"
            " one run.",
        ),
        th.Property(
            "ask_suppressed_again_days",
            th.IntegerType,
            default=7,
            description="People whom the platform suppresses are not sent again for so many days.",
        ),
        th.Property(
            "dry_run",
            th.BooleanType,
            default=False,
            description="Show the plan and send nothing.",
        ),
        th.Property(
            "ledger_url",
            th.StringType,
            description="Where the ledger is, as `sqlite:///path`. Default: `.cix/ledger.db` below the Meltano project,"
            " or below the working directory without Meltano.",
        ),
        th.Property(
            "output_dir",
            th.StringType,
            description="Where each run leaves its summary and its rejected rows. Default: `output`, below the same"
            " folder.",
        ),
        th.Property(
            "max_attempts",
            th.IntegerType,
            default=6,
            description="How often one request is sent at most when the platform does not answer or throttles.",
        ),
    ]


@dataclass(frozen=True)
class Settings:
    """The settings of an export, checked.

    Attributes:
        display_name: Name of the connection in reports.
        create_list: Whether lists that do not exist are made.
        accept_other_list: Whether the name of a list may mean another one than in earlier runs.
        consent: Whether personal data may leave for the platform.
        default_list: List of the segments that `lists` does not name.
        lists: Lists by segment.
        field_mapping: The setting as given; the destination knows its fields.
        create_fields: Whether missing custom fields are created.
        extend_options: Whether missing options are added.
        read_back_sample: How many written people are read back after a run.
        max_profiles: Most different people in one run.
        max_rejected_ratio: Largest share of invalid and rejected rows of a successful run.
        mirror: Whether those leave the list who have left every segment that feeds it.
        on_leave: What is done with them: `remove`, `unsubscribe` or `keep`.
        max_removal_ratio: Largest share of a list's people who may leave it in one run.
        removal_floor: How many may leave in any case.
        allow_empty_segment: Whether the people of a segment that is empty now may leave.
        assume_full_table: Whether every segment that arrives counts as complete.
        adopt_existing: Whether people may leave whom no export has put on the list.
        full_resync: Whether unchanged contacts are sent too.
        readmit: Whether people are sent who may have left by their own act.
        ask_suppressed_again_days: How long suppressed people are not sent again.
        dry_run: Whether to stop after the plan.
        ledger_url: Where the ledger is.
        output_dir: Where runs leave their files.
        max_attempts: How often one request is sent at most.
    """

    display_name: str
    create_list: bool
    accept_other_list: bool
    consent: bool
    default_list: str | None
    lists: Mapping[str, tuple[str, ...]]
    field_mapping: Mapping[str, Any]
    create_fields: bool
    extend_options: bool
    read_back_sample: int
    max_profiles: int
    max_rejected_ratio: float
    mirror: bool
    on_leave: str
    max_removal_ratio: float
    removal_floor: int
    allow_empty_segment: bool
    assume_full_table: bool
    adopt_existing: bool
    full_resync: bool
    readmit: bool
    ask_suppressed_again_days: int
    dry_run: bool
    ledger_url: str
    output_dir: Path
    max_attempts: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Settings:
        """Check the settings that have a meaning beyond their type.

        Args:
            config: The plugin's configuration, already checked against the JSON Schema.

        Raises:
            CixError: `LIST_UNSET` or `SETTING_INVALID`.
        """
        lists = {
            segment: (value,) if isinstance(value, str) else tuple(dict.fromkeys(value))
            for segment, value in (config.get("lists") or {}).items()
        }
        for segment, named in lists.items():
            if not named or not all(named):
                raise CixError(LIST_UNSET, f"Setting `lists` names no list for segment `{segment}`.")
        home = Path(os.environ.get("MELTANO_PROJECT_ROOT") or Path.cwd())
        return cls(
            display_name=config.get("display_name") or "",
            create_list=bool(config.get("create_list")),
            accept_other_list=bool(config.get("accept_other_list")),
            consent=config.get("data_privacy_consent") is True,
            default_list=config.get("list_id") or None,
            lists=lists,
            field_mapping=config.get("field_mapping") or {},
            create_fields=bool(config.get("create_fields")),
            extend_options=bool(config.get("extend_options")),
            read_back_sample=max(0, int(config["read_back_sample"])),
            max_profiles=int(config["max_profiles"]),
            max_rejected_ratio=_ratio(config, "max_rejected_ratio"),
            mirror=config["sync_mode"] == "mirror",
            on_leave=config["on_leave"],
            max_removal_ratio=_ratio(config, "max_removal_ratio"),
            removal_floor=int(config["removal_floor"]),
            allow_empty_segment=bool(config.get("allow_empty_segment")),
            assume_full_table=bool(config.get("assume_full_table")),
            adopt_existing=bool(config.get("adopt_existing")),
            full_resync=bool(config.get("full_resync")),
            readmit=bool(config.get("readmit")),
            ask_suppressed_again_days=int(config["ask_suppressed_again_days"]),
            dry_run=bool(config.get("dry_run")),
            ledger_url=config.get("ledger_url") or f"sqlite:///{home / '.cix' / 'ledger.db'}",
            output_dir=Path(config.get("output_dir") or home / "output"),
            max_attempts=int(config["max_attempts"]),
        )

    def check_consent(self) -> None:
        """Check the consent; erasing data needs none, so it is no part of reading the settings.

        Raises:
            CixError: `CONSENT_MISSING`.
        """
        if not self.consent:
            raise CixError(CONSENT_MISSING, "Setting `data_privacy_consent` is not true, so nothing was sent.")

    def check_lists(self) -> None:
        """Check that there is a list; looking around in an account needs none.

        Raises:
            CixError: `LIST_UNSET`.
        """
        if not self.all_lists():
            raise CixError(LIST_UNSET, "Neither `list_id` nor `lists` is set.")

    @property
    def removes(self) -> bool:
        """Whether people who leave are taken off the list or unsubscribed."""
        return self.mirror and self.on_leave != "keep"

    def all_lists(self) -> tuple[str, ...]:
        """Return every list that the settings name, each once."""
        named = [list_id for lists in self.lists.values() for list_id in lists]
        return tuple(dict.fromkeys([*filter(None, [self.default_list]), *named]))

    def lists_of(self, segment: str) -> tuple[str, ...]:
        """Return the lists that a segment goes to.

        Args:
            segment: Name of the stream.

        Raises:
            CixError: `LIST_UNSET` if there is none.
        """
        lists = self.lists.get(segment) or ((self.default_list,) if self.default_list else ())
        if not lists:
            raise CixError(LIST_UNSET, f"No list is named for segment `{segment}`.")
        return lists


def with_custom_fields(field_mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return the setting with its custom fields below `custom_fields`.

    Meltano writes what is nested in a setting as names with a dot, when it passes the setting in the environment.

    Args:
        field_mapping: The setting as given.
    """
    dotted = {name: value for name, value in field_mapping.items() if name.startswith(_BELOW)}
    if not dotted:
        return dict(field_mapping)
    rest = {name: value for name, value in field_mapping.items() if name not in dotted}
    below = {name.removeprefix(_BELOW): value for name, value in dotted.items()}
    return {**rest, "custom_fields": {**(rest.get("custom_fields") or {}), **below}}


def _ratio(config: Mapping[str, Any], name: str) -> float:
    try:
        ratio = float(config[name])
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise CixError(SETTING_INVALID, f"Setting `{name}` must be a number from 0 to 1.")
    return ratio
