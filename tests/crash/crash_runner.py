"""Runs a target's executable so that it dies by SIGKILL at a chosen step, without a hook in the product.

The process is forked from a server that has imported the targets once; after that it is as real as any other: its
own ledger connection, its own sockets, its own death.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import multiprocessing
import os
import re
import runpy
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audience_sdk.ledger import Ledger

if TYPE_CHECKING:
    import http.client
    from collections.abc import Callable, Mapping
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    import requests

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["target_campaign_monitor.target", "target_constant_contact.target", "sqlite3", "rich"])
_CONFIGURATION = ("TARGET_", "TAP_", "MELTANO_")


@dataclass(frozen=True)
class AtCall:
    """Dies at a call of one of the product's functions.

    Attributes:
        function: `module:function` or `module:Class.function`.
        nth: At which call, from 1.
        about: Counts only calls whose arguments, written down, hold this text.
        after: When the function has returned, instead of before it begins.
    """

    function: str
    nth: int = 1
    about: str = ""
    after: bool = False


@dataclass(frozen=True)
class AtStatement:
    """Dies at an SQL statement of the ledger.

    Attributes:
        sql: Regular expression searched in the statement.
        nth: At which of them, from 1.
        steps: Dies so many steps of SQLite's machine into the statement, instead of before it.
    """

    sql: str
    nth: int = 1
    steps: int = 0


@dataclass(frozen=True)
class AtAnswer:
    """Dies when the platform has answered a request and nothing of the answer has been read.

    Attributes:
        request: Regular expression searched in the method and URL.
        nth: At which of them, from 1.
    """

    request: str
    nth: int = 1


Death = AtCall | AtStatement | AtAnswer


def start(
    executable: Path,
    arguments: list[str],
    folder: Path,
    *,
    standard: tuple[Path, Path, Path],
    tuning: Mapping[str, Any],
    death: Death | None,
) -> BaseProcess:
    """Start a target in a process of its own.

    Args:
        executable: The target's executable.
        arguments: Its arguments.
        folder: Its working directory.
        standard: Files in place of its standard input, output and error.
        tuning: Values of the product's constants in this process, by `module:name`.
        death: Where it kills itself, if it does.
    """
    process = _SERVER.Process(target=_run, args=(executable, arguments, folder, standard, tuning, death))
    process.start()
    return process


def _run(
    executable: Path,
    arguments: list[str],
    folder: Path,
    standard: tuple[Path, Path, Path],
    tuning: Mapping[str, Any],
    death: Death | None,
) -> None:
    os.chdir(folder)
    for name in [name for name in os.environ if name.startswith(_CONFIGURATION)]:
        del os.environ[name]
    for descriptor, path in enumerate(standard):
        os.dup2(os.open(path, os.O_RDWR | (os.O_APPEND if descriptor else 0)), descriptor)
    sys.stdin = os.fdopen(0)
    for place, value in tuning.items():
        owner, name = _place(place)
        setattr(owner, name, value)
    if death is not None:
        _ARM[type(death)](death)
    sys.argv = [str(executable), *arguments]
    runpy.run_path(str(executable), run_name="__main__")


def _place(named: str) -> tuple[Any, str]:
    module, _, path = named.partition(":")
    *outer, name = path.split(".")
    return functools.reduce(getattr, outer, importlib.import_module(module)), name


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _wrap(named: str, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    owner, name = _place(named)
    setattr(owner, name, functools.wraps(getattr(owner, name))(around(getattr(owner, name))))


def _arm_call(death: AtCall) -> None:
    calls = itertools.count(1)

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            due = death.about in repr((args, kwargs)) and next(calls) == death.nth
            if due and not death.after:
                _die()
            result = function(*args, **kwargs)
            if due:
                _die()
            return result

        return wrapped

    _wrap(death.function, around)


def _arm_statement(death: AtStatement) -> None:
    statements = itertools.count(1)
    begin = Ledger.__init__

    def watched(self: Ledger, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)

        def trace(sql: str) -> None:
            if re.search(death.sql, sql) and next(statements) == death.nth:
                if death.steps == 0:
                    _die()
                self.connection.set_progress_handler(_die, death.steps)

        self.connection.set_trace_callback(trace)

    Ledger.__init__ = watched  # type: ignore[method-assign]


def _arm_answer(death: AtAnswer) -> None:
    under_way = threading.local()
    answers = itertools.count(1)

    def note(send: Callable[..., Any]) -> Callable[..., Any]:
        def sending(session: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> Any:
            under_way.request = f"{request.method} {request.url}"
            return send(session, request, **kwargs)

        return sending

    def peek(receive: Callable[..., Any]) -> Callable[..., Any]:
        def receiving(connection: http.client.HTTPConnection, *args: Any) -> Any:
            if re.search(death.request, under_way.request) and next(answers) == death.nth:
                connection.sock.recv(1, socket.MSG_PEEK)
                _die()
            return receive(connection, *args)

        return receiving

    _wrap("requests:Session.send", note)
    _wrap("http.client:HTTPConnection.getresponse", peek)


_ARM: Mapping[type, Callable[[Any], None]] = {
    AtCall: _arm_call,
    AtStatement: _arm_statement,
    AtAnswer: _arm_answer,
}
