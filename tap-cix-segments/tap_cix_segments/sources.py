"""The settings of sources that are files, of skipping and of warnings; and which source the settings ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audience_sdk.errors import SETTING_INVALID, CixError
from singer_sdk import typing as th

from tap_cix_segments.dataverse.source import DataverseSource
from tap_cix_segments.folder import FolderSource
from tap_cix_segments.lake import open_lake

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Mapping

    from tap_cix_segments.segment import Source

    Selection = Callable[[], Mapping[str, Collection[str]]]

LAKE_SOURCES = ("parquet", "delta")
FILE_SOURCES = ("folder", *LAKE_SOURCES)
DATAVERSE = "dataverse"

FILE_SETTINGS = (
    th.Property(
        "folder",
        th.StringType,
        title="Folder",
        description=(
            "Path or URL (`abfss://`, `az://`, `s3://`, `gs://`, `sftp://`) of the export: the container, the "
            "`CustomerInsights_...` folder in it, or the export folder that holds model.json; for `parquet` and "
            "`delta`, the folder whose subfolders are the tables. Not for `dataverse`."
        ),
    ),
    th.Property(
        "storage_options",
        th.ObjectType(additional_properties=True),
        secret=True,
        title="Storage options",
        description="Credentials and other options of the storage, as its fsspec library names them.",
    ),
    th.Property(
        "wait_seconds",
        th.IntegerType,
        default=60,
        title="Wait",
        description=(
            "How long to wait, in all, for a model.json or a folder of Parquet files that is being written, and for "
            "partitions that are not there or not filled yet."
        ),
    ),
    th.Property(
        "allow_empty_files",
        th.BooleanType,
        default=False,
        title="Allow empty files",
        description="Take a file without a single byte for a partition without rows, instead of one that is cut short.",
    ),
)

FRESHNESS_SETTINGS = (
    th.Property(
        "skip_unchanged",
        th.BooleanType,
        default=True,
        title="Skip what is unchanged",
        description=(
            "Leave out a segment whose last refresh is the one that STATE names, where the source gives a trustworthy "
            "time of it."
        ),
    ),
    th.Property(
        "read_again_after_days",
        th.IntegerType,
        default=7,
        title="Read again after",
        description="Read a segment after so many days even if it is unchanged.",
    ),
    th.Property(
        "stale_after_days",
        th.IntegerType,
        default=30,
        title="Stale after",
        description="Warn of a segment that Customer Insights has not refreshed for so many days; 0 for never.",
    ),
)


def open_source(config: Mapping[str, Any], logger: logging.Logger, selection: Selection) -> Source:
    """Return the source that the settings ask for.

    Args:
        config: The settings, already checked against their JSON Schema.
        logger: The tap's logger.
        selection: Gives the names of the selected columns by segment, for all segments that the run is to read; can be
            called once reading begins.

    Raises:
        CixError: A setting that this source needs is missing, or the source cannot be read.
    """
    kind = config["source"]
    if kind == DATAVERSE:
        return DataverseSource(config, logger, selection)
    folder = config.get("folder")
    if not folder:
        raise CixError(SETTING_INVALID, f"Setting `folder` is required with `source: {kind}`.")
    if kind in LAKE_SOURCES:
        return open_lake(
            kind,
            folder,
            config.get("storage_options"),
            logger,
            lambda: {column for names in selection().values() for column in names},
            wait_seconds=config["wait_seconds"],
        )
    return FolderSource(
        folder,
        logger,
        storage_options=config.get("storage_options"),
        wait_seconds=config["wait_seconds"],
        allow_empty_files=config["allow_empty_files"],
    )
