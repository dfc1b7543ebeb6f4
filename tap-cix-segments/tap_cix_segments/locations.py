"""Where a partition can be, given its `location` in model.json.

Customer Insights writes absolute URLs of the storage account. The folder that this tap reads may be the container, the
`CustomerInsights_...` folder, the export folder, or a copy of one of them: so every end of the location's path is tried
below the folder, the longest first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from audience_sdk.errors import LOCATION_REFUSED, CixError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def possible_paths(location: str, bases: Sequence[str]) -> Iterator[str]:
    """List the paths at which a partition can be.

    Args:
        location: Its location in model.json: a URL, or a path.
        bases: Folders below which it can be, as paths without a trailing slash.

    Yields:
        Paths, all of them below one of the bases.

    Raises:
        CixError: `LOCATION_REFUSED`, when the location has `..` in it, or no path; the message is a clause about the
            partition.
    """
    parts = path_parts(location)
    for start in range(len(parts)):
        for base in bases:
            yield "/".join((base.rstrip("/"), *parts[start:]))


def path_parts(location: str) -> list[str]:
    """Return the names of folders and file in a location.

    Args:
        location: A URL (its query, which may hold a signature, is left out) or a path.

    Returns:
        The names, from the outermost folder to the file.

    Raises:
        CixError: `LOCATION_REFUSED`.
    """
    path = location
    if "://" in location:
        url = urlsplit(location)
        # https names the storage account before the path, the other schemes name the container.
        container = "" if url.scheme in {"http", "https"} else url.netloc.partition("@")[0]
        path = unquote(f"{container}/{url.path}")
    parts = [part for part in path.replace("\\", "/").split("/") if part not in {"", "."}]
    if not parts or ".." in parts or any("\0" in part for part in parts):
        raise CixError(LOCATION_REFUSED, "its `location` in model.json is not a path below the folder.")
    return parts
