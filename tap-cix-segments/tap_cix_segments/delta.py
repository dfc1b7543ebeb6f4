"""Tables of Delta Lake; needs the extra `delta`."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timezone
from functools import cached_property
from posixpath import basename
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]
from audience_sdk.errors import SETTING_INVALID, SOURCE_UNREADABLE, TABLES_AMBIGUOUS, CixError
from deltalake import DeltaTable, QueryBuilder

from tap_cix_segments.arrow import column_of
from tap_cix_segments.storage import EXTRAS, clear_errors, open_folder, scheme_of, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_cix_segments.segment import Column

LOG = "_delta_log"
_LEVELS = 3
"""How deep below the folder tables are looked for: Synapse Link and Fabric link have them one or two levels down."""
_CONNECTION = "connection_string"
_NAMES = {
    "azure": {
        "AccountName": "account_name",
        "AccountKey": "account_key",
        "BlobEndpoint": "endpoint",
        "SharedAccessSignature": "sas_token",
    },
    "s3": {
        "endpoint_url": "aws_endpoint",
        "key": "aws_access_key_id",
        "secret": "aws_secret_access_key",
        "token": "aws_session_token",
    },
    "gcs": {"token": "google_service_account"},
}
"""Options of the storage, by extra, that the Delta library calls by another name than fsspec's library.

Those of Azure are the parts of a connection string, which the Delta library does not read.
"""


class DeltaLakeTable:
    """One table, at its newest version.

    Args:
        name: The name of its folder.
        table: The table.

    Attributes:
        name: Its name.
        mark: Its id and version.
    """

    def __init__(self, name: str, table: DeltaTable) -> None:
        self.name = name
        self._table = table
        self.mark: str | None = f"{table.metadata().id}:{table.version()}"

    @cached_property
    def refreshed_at(self) -> datetime | None:
        """When the newest version was written."""
        commits = self._table.history(1)
        stamp = commits[0].get("timestamp") if commits else None
        return datetime.fromtimestamp(stamp / 1000, timezone.utc) if isinstance(stamp, int) else None

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Its columns."""
        return tuple(column_of(field) for field in pa.schema(self._table.schema().to_arrow()))

    def read(self, names: Sequence[str]) -> Iterator[Any]:
        """Read the table, as `LakeTable` says.

        Args:
            names: The names of the columns.

        Yields:
            Record batches.
        """
        columns = ", ".join('"' + name.replace('"', '""') + '"' for name in names) or "1"
        query = f"SELECT {columns} FROM profiles"  # noqa: S608 - names of columns, quoted
        for rows in QueryBuilder().register("profiles", self._table).execute(query):
            batch = pa.record_batch(rows)
            yield batch if names else batch.select([])


def find_delta_tables(folder: str, options: Mapping[str, Any] | None) -> list[DeltaLakeTable]:
    """Find the tables of a folder.

    Args:
        folder: A path, or a URL.
        options: Options of the storage.

    Returns:
        The tables, by name.

    Raises:
        CixError: The folder or a table cannot be read, two tables have one name, or the storage cannot hold Delta
            tables.
    """
    scheme, shown = scheme_of(folder), without_secrets(folder)
    if EXTRAS.get(scheme) == "sftp":
        raise CixError(SETTING_INVALID, "Delta tables cannot be read over SFTP; `folder` must be of another kind.")
    files, root = open_folder(folder, options)
    with clear_errors(SOURCE_UNREADABLE, f"The folder {shown} cannot be searched", scheme):
        if not files.isdir(root):
            raise CixError(SOURCE_UNREADABLE, f"There is no folder {shown}.")
        paths = _search(files, root)
    doubled = sorted(name for name, count in Counter(map(basename, paths)).items() if count > 1)
    if doubled:
        raise CixError(TABLES_AMBIGUOUS, f"Several tables below {shown} have the name {doubled[0]}.")
    own = delta_options(EXTRAS.get(scheme, ""), options or {})
    tables = []
    for path in sorted(paths, key=basename):
        where = folder.rstrip("/") + path.removeprefix(root) if scheme else path
        with clear_errors(SOURCE_UNREADABLE, f"The Delta table {basename(path)} cannot be opened", scheme):
            tables.append(DeltaLakeTable(basename(path), DeltaTable(where, storage_options=own or None)))
    return tables


def delta_options(extra: str, options: Mapping[str, Any]) -> dict[str, str]:
    """Return options of a storage as the Delta library names them.

    Args:
        extra: The extra that brings fsspec's library for the storage.
        options: Options as that library names them; what the Delta library calls otherwise is translated.
    """
    names = _NAMES.get(extra, {})
    own = {key: value for key, value in options.items() if key != _CONNECTION}
    for part in str(options.get(_CONNECTION, "")).split(";"):
        key, _, value = part.partition("=")
        if key in names:
            own[key] = value
    translated = {
        names.get(key, key): value if isinstance(value, str) else json.dumps(value) for key, value in own.items()
    }
    if any(key.endswith("endpoint") and value.startswith("http://") for key, value in translated.items()):
        translated["allow_http"] = "true"
    return translated


def _search(files: Any, root: str) -> list[str]:
    found: list[str] = []
    level = [root]
    for _ in range(_LEVELS):
        below: list[str] = []
        for folder in level:
            entries = [e for e in files.ls(folder, detail=True) if e["type"] == "directory"]
            names = [str(e["name"]).rstrip("/") for e in entries if str(e["name"]).rstrip("/") != folder]
            if any(basename(name) == LOG for name in names):
                found.append(folder)
            else:
                below.extend(names)
        level = below
    return found
