"""A small SFTP server over a folder, in this process."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import paramiko

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER, PASSWORD = "exports", "sesame-4711"


class _Login(paramiko.ServerInterface):
    def __init__(self, silent_at: str, end: threading.Event) -> None:
        self._silent_at = silent_at
        self._end = end

    def check_auth_password(self, username: str, password: str) -> int:
        right = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if self._silent_at == "channel":
            self._end.wait()
        return paramiko.OPEN_SUCCEEDED

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        if self._silent_at == "subsystem":
            self._end.wait()
        return self._silent_at == "version" or super().check_channel_subsystem_request(channel, name)


class _Handle(paramiko.SFTPHandle):
    def __init__(self, path: Path, place: SftpPlace) -> None:
        super().__init__()
        self.readfile = path.open("rb")
        self._place = place

    def stat(self) -> Any:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))

    def read(self, offset: int, length: int) -> Any:
        data = super().read(offset, length)
        self._place.bytes_read += len(data) if isinstance(data, bytes) else 0
        return data


class _Files(paramiko.SFTPServerInterface):
    def __init__(self, server: Any, place: SftpPlace) -> None:
        super().__init__(server)
        self._place = place

    def _path(self, path: str) -> Path:
        return self._place.root / path.lstrip("/")

    def list_folder(self, path: str) -> Any:
        entries = []
        for entry in sorted(self._path(path).iterdir()):
            attributes = paramiko.SFTPAttributes.from_stat(entry.lstat())
            attributes.filename = entry.name
            entries.append(attributes)
        return entries

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._path(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        if flags & (os.O_WRONLY | os.O_RDWR):
            return paramiko.SFTP_PERMISSION_DENIED
        try:
            return _Handle(self._path(path), self._place)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)


class SftpPlace:
    """A folder behind SFTP.

    Attributes:
        root: The folder.
        port: Where the server listens on 127.0.0.1.
        bytes_read: How many bytes of files it has given out.
    """

    def __init__(self, root: Path, port: int, key: paramiko.PKey) -> None:
        self.root = root
        self.port = port
        self.bytes_read = 0
        self._key = key

    @property
    def url(self) -> str:
        return f"sftp://127.0.0.1:{self.port}/"

    def options(self, known_hosts: Path) -> dict[str, str]:
        known_hosts.write_text(f"[127.0.0.1]:{self.port} {self._key.get_name()} {self._key.get_base64()}\n")
        return {"username": USER, "password": PASSWORD, "known_hosts": str(known_hosts)}


@contextmanager
def serve_sftp(root: Path, silent_at: str = "") -> Iterator[SftpPlace]:
    """Serve a folder until the end of the block; or say nothing any more at the `channel`, `subsystem` or `version`."""
    end = threading.Event()
    key = paramiko.ECDSAKey.generate()
    listener = socket.create_server(("127.0.0.1", 0))
    place = SftpPlace(root, listener.getsockname()[1], key)
    transports: list[paramiko.Transport] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transports.append(transport)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, place)
            try:
                transport.start_server(server=_Login(silent_at, end))
            except (EOFError, OSError, paramiko.SSHException):
                continue

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield place
    finally:
        end.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for transport in transports:
            transport.close()
        thread.join(timeout=10)
