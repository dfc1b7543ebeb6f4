"""Files over SFTP; needs the extra `sftp`."""

from __future__ import annotations

import threading
from typing import Any

import paramiko  # type: ignore[import-untyped]
from audience_sdk.errors import SOURCE_UNREADABLE, CixError
from fsspec.implementations.sftp import SFTPFileSystem  # type: ignore[import-untyped]
from typing_extensions import override

_SECONDS_TO_CONNECT = 30
_SECONDS_TO_ANSWER = 120
_SECONDS_BETWEEN_SIGNS_OF_LIFE = 30


class _RefuseUnknown(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    @override
    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        message = f"The host key of {hostname} is not known, so that it could be another server."
        action = "Put the key that its administrator gives you into `~/.ssh/known_hosts`, or into a file of that form "
        raise CixError(SOURCE_UNREADABLE, message, f"{action}that `storage_options.known_hosts` names.")


class SftpFiles(SFTPFileSystem):  # type: ignore[misc]
    """fsspec's SFTP, but it talks only to a server whose key is known, and does not wait for a dead one.

    Args:
        host: The server.
        known_hosts: A file of host keys besides `~/.ssh/known_hosts`.
        host_key_policy: What to do with an unknown key: by default it is refused; `auto_add` takes it unseen.
        **options: Further arguments of `paramiko.SSHClient.connect`: `username`, `password`, `key_filename`, ...
    """

    def __init__(
        self, host: str, *, known_hosts: str | None = None, host_key_policy: Any = _RefuseUnknown, **options: Any
    ) -> None:
        self._known_hosts = known_hosts
        super().__init__(host, host_key_policy=host_key_policy, **options)

    @override
    def _connect(self) -> None:
        self.client = paramiko.SSHClient()
        self.client.load_system_host_keys()
        if self._known_hosts:
            self.client.load_system_host_keys(self._known_hosts)
        self.client.set_missing_host_key_policy(self.host_key_policy)
        timeouts = {"timeout": _SECONDS_TO_CONNECT, "channel_timeout": _SECONDS_TO_CONNECT}
        self.client.connect(self.host, **{**timeouts, **self.ssh_kwargs})
        transport = self.client.get_transport()
        transport.set_keepalive(_SECONDS_BETWEEN_SIGNS_OF_LIFE)
        # What asks for SFTP waits without end for an answer; only an end of the connection ends it.
        end = threading.Timer(_SECONDS_TO_ANSWER, transport.close)
        end.daemon = True
        end.start()
        try:
            channel = transport.open_session()
            channel.settimeout(_SECONDS_TO_ANSWER)
            channel.invoke_subsystem("sftp")
            self.ftp = paramiko.SFTPClient(channel)
        except BaseException:
            self.client.close()
            raise
        finally:
            end.cancel()
