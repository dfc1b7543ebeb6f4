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
        th.Property("list_id", th.StringType, description="The list that segments go to."),
        th.Property(
            "lists",
            th.ObjectType(additional_properties=th.OneOf(th.StringType, th.ArrayType(th.StringType))),
            description="List id, or several, by segment; goes before `list_id`.",
        ),
        th.Property(
            "field_mapping",
            mapping,
            required=True,
            description="Columns of the segment by field of the platform. A list of columns is joined by a blank.",
        ),
        th.Property(
            "max_profiles",
            th.IntegerType,
            default=MAX_PROFILES,
            description="An export of more profiles stops before the first request.",
        ),
        th.Property(
            "max_rejected_ratio",
            # Meltano cannot pass a decimal from the environment, but it can pass a text.
            th.OneOf(th.NumberType, th.StringType),
            default=0.25,
            description="Largest share of invalid and rejected rows with which a run counts as successful.",
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
        default_list: List of the segments that `lists` does not name.
        lists: Lists by segment.
        field_mapping: The setting as given; the destination knows its fields.
        max_profiles: Most different people in one run.
        max_rejected_ratio: Largest share of invalid and rejected rows of a successful run.
        dry_run: Whether to stop after the plan.
        ledger_url: Where the ledger is.
        output_dir: Where runs leave their files.
        max_attempts: How often one request is sent at most.
    """

    display_name: str
    default_list: str | None
    lists: Mapping[str, tuple[str, ...]]
    field_mapping: Mapping[str, Any]
    max_profiles: int
    max_rejected_ratio: float
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
            CixError: `CONSENT_MISSING`, `LIST_UNSET` or `SETTING_INVALID`.
        """
        if config.get("data_privacy_consent") is not True:
            raise CixError(CONSENT_MISSING, "Setting `data_privacy_consent` is not true, so nothing was sent.")
        lists = {
            segment: (value,) if isinstance(value, str) else tuple(dict.fromkeys(value))
            for segment, value in (config.get("lists") or {}).items()
        }
        default_list = config.get("list_id") or None
        if not lists and default_list is None:
            raise CixError(LIST_UNSET, "Neither `list_id` nor `lists` is set.")
        home = Path(os.environ.get("MELTANO_PROJECT_ROOT") or Path.cwd())
        return cls(
            display_name=config.get("display_name") or "",
            default_list=default_list,
            lists=lists,
            field_mapping=config["field_mapping"],
            max_profiles=int(config["max_profiles"]),
            max_rejected_ratio=_ratio(config["max_rejected_ratio"]),
            dry_run=bool(config.get("dry_run")),
            ledger_url=config.get("ledger_url") or f"sqlite:///{home / '.cix' / 'ledger.db'}",
            output_dir=Path(config.get("output_dir") or home / "output"),
            max_attempts=int(config["max_attempts"]),
        )

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


def _ratio(value: Any) -> float:
    try:
        ratio = float(value)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise CixError(SETTING_INVALID, "Setting `max_rejected_ratio` must be a number from 0 to 1.")
    return ratio
