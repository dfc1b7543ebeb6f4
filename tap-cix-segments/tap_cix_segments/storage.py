"""Opens folders wherever they are, through fsspec, and makes the errors of every storage library alike."""

from __future__ import annotations

import gzip
import logging
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

import fsspec  # type: ignore[import-untyped]
from audience_sdk.errors import EXTRA_MISSING, SETTING_INVALID, SOURCE_UNREADABLE, CixError, ErrorCode
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXTRAS = {
    "abfs": "azure",
    "abfss": "azure",
    "az": "azure",
    "gcs": "gcs",
    "gs": "gcs",
    "s3": "s3",
    "s3a": "s3",
    "sftp": "sftp",
    "ssh": "sftp",
}
"""The extra of this package that brings the library for a scheme."""

RIGHTS = {
    "azure": "the role Storage Blob Data Reader on the container (or on its storage account)",
    "gcs": "the role Storage Object Viewer on the bucket",
    "s3": "`s3:ListBucket` on the bucket and `s3:GetObject` on its objects",
    "sftp": "the right to list and read the folder",
}
"""What must be granted to read, by extra."""

_TALKATIVE = ("adlfs", "aiobotocore", "azure", "botocore", "gcsfs", "google", "paramiko", "s3fs")
"""Libraries that tell of each request, some of them with the tokens in its headers."""
BLOCK_BYTES = 1 << 22
"""How much of a remote file is fetched at a time; the libraries' own sizes are up to 50 MiB."""
_GZIP = b"\x1f\x8b"
_DENIED = {"ClientAuthenticationError", "PermissionError", "AuthenticationException", "PasswordRequiredException"}
_MARKS = ("etag", "ETag", "mtime", "last_modified", "LastModified", "updated", "content_md5")


def open_folder(folder: str, options: Mapping[str, Any] | None = None) -> tuple[Any, str]:
    """Return the file system of a folder, and the folder's path in it.

    Args:
        folder: A path, or a URL that fsspec can open.
        options: Options of that file system, such as credentials.

    Returns:
        An fsspec file system, and a path without a trailing slash.

    Raises:
        CixError: `EXTRA_MISSING`, `SETTING_INVALID` or `SOURCE_UNREADABLE`.
    """
    if "://" not in folder:
        return LocalFileSystem(), Path(folder).expanduser().resolve().as_posix()
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)
    scheme = folder.partition("://")[0]
    if scheme in {"http", "https"}:
        message = f"`folder` is a web address: {without_secrets(folder)}."
        action = "Name the container: `abfss://<container>@<account>.dfs.core.windows.net/folder`."
        raise CixError(SOURCE_UNREADABLE, message, action)
    try:
        files, root = _connect(scheme, folder, dict(options or {}))
    except CixError:
        raise
    except ImportError:
        extra = EXTRAS.get(scheme)
        message = f"`folder` is a URL of the kind {scheme}://, whose library is not installed."
        action = (
            f"Install the extra `tap-cix-segments[{extra}]`; with Meltano, name it in the tap's `pip_url`."
            if extra
            else "Install its fsspec library."
        )
        raise CixError(EXTRA_MISSING, message, action) from None
    except TypeError:
        message = f"`storage_options` has an option that {scheme}:// does not know, or lacks one that it needs."
        raise CixError(SETTING_INVALID, message) from None
    except Exception as error:  # noqa: BLE001 - each storage library has exceptions of its own
        message = f"{without_secrets(folder)} cannot be reached ({reason_of(error)})."
        raise CixError(SOURCE_UNREADABLE, message, _advice(scheme, error)) from None
    return files, str(root).rstrip("/") or "/"


def _connect(scheme: str, folder: str, options: dict[str, Any]) -> tuple[Any, str]:
    if EXTRAS.get(scheme) == "sftp":
        from tap_cix_segments.sftp import SftpFiles  # noqa: PLC0415 - its library is an extra

        return SftpFiles(**(SftpFiles._get_kwargs_from_urls(folder) | options)), SftpFiles._strip_protocol(folder)  # noqa: SLF001 - as fsspec itself does it
    return fsspec.url_to_fs(folder, **options)  # type: ignore[no-any-return]


@contextmanager
def clear_errors(code: ErrorCode, what: str, scheme: str = "") -> Iterator[None]:
    """Turn whatever a storage library raises into one clear error.

    Args:
        code: The situation.
        what: What cannot be done, as the beginning of a sentence.
        scheme: The scheme of the storage, for advice on rights.

    Raises:
        CixError: With that code.
    """
    try:
        yield
    except (CixError, TypeError, AttributeError, NameError):  # known already, or a fault of ours
        raise
    except Exception as error:  # noqa: BLE001 - each storage library has exceptions of its own
        raise CixError(code, f"{what} ({reason_of(error)}).", _advice(scheme, error)) from None


def reason_of(error: BaseException) -> str:
    """Return why a storage library failed, without its own words, which can hold signatures and addresses.

    Args:
        error: What it raised.
    """
    status = getattr(error, "status_code", None)
    if isinstance(error, OSError) and error.strerror and isinstance(error.errno, int):
        return error.strerror
    return f"{type(error).__name__}, HTTP status {status}" if isinstance(status, int) else type(error).__name__


def _advice(scheme: str, error: BaseException) -> str | None:
    denied = type(error).__name__ in _DENIED or getattr(error, "status_code", None) in {401, 403}
    rights = RIGHTS.get(EXTRAS.get(scheme, ""))
    return f"Check the credentials, and that they have {rights}." if denied and rights else None


def without_secrets(folder: str) -> str:
    """Return a path or URL as it may be logged: without user, password and query.

    Args:
        folder: The setting `folder`.

    Returns:
        The part of it that is no secret.
    """
    if "://" not in folder:
        return folder
    url = urlsplit(folder)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"


def scheme_of(folder: str) -> str:
    """Return the scheme of a URL; empty for a path.

    Args:
        folder: The setting `folder`.
    """
    return folder.partition("://")[0] if "://" in folder else ""


def file_mark(info: Mapping[str, Any]) -> str | None:
    """Return a text that changes when a file is written anew; None if its size is all that is known.

    Args:
        info: What the file system says about it.
    """
    marks = [str(info[key]) for key in _MARKS if info.get(key) is not None]
    return "|".join([str(info.get("size")), *marks]) if marks else None


class InputFile:
    """A file that is read from its beginning to its end; gzip is undone as it is read.

    Whatever goes wrong in a read is an `OSError`.

    Args:
        raw: The opened file.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._file: IO[bytes] = raw
        with self._as_os_error():
            start = raw.read(len(_GZIP))
            raw.seek(0)
        if start == _GZIP:
            self._file = gzip.GzipFile(fileobj=raw, mode="rb")  # type: ignore[assignment]

    def read(self, size: int = -1) -> bytes:
        """Read bytes.

        Args:
            size: How many at most.

        Raises:
            OSError: They cannot be read.
        """
        with self._as_os_error():
            return self._file.read(size)

    def tell(self) -> int:
        """Return how many bytes of the stored file have been read."""
        return self._raw.tell()

    @staticmethod
    @contextmanager
    def _as_os_error() -> Iterator[None]:
        try:
            yield
        except (EOFError, zlib.error) as error:
            raise OSError(0, "its compressed data is damaged or cut short") from error
        except OSError:
            raise
        except Exception as error:
            raise OSError(0, reason_of(error)) from error
