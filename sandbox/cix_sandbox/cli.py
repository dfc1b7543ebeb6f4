"""The command line of the sandbox."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from cix_sandbox import remote

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8765
DEFAULT_URL = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"
DEFAULT_DATA_DIR = Path(".sandbox")

_url_option = click.option("--url", default=DEFAULT_URL, show_default=True, help="Address of the running sandbox.")


@click.group()
@click.version_option(package_name="cix-sandbox")
def main() -> None:
    """Local stand-ins for Customer Insights, Campaign Monitor and Constant Contact."""


@main.command()
@click.option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--host", default=DEFAULT_HOST, show_default=True, help="Address to listen on.")
@click.option(
    "--data-dir",
    default=DEFAULT_DATA_DIR,
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory that keeps the data.",
)
@click.option(
    "--export",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Export folder that the Dataverse environment holds; read at the start and at every reset.",
)
def serve(port: int, host: str, data_dir: Path, export: Path | None) -> None:
    """Run the sandbox until Ctrl-C or SIGTERM."""
    # Imported here so that the other commands start fast.
    from cix_sandbox import server  # noqa: PLC0415
    from cix_sandbox.app import create_app  # noqa: PLC0415
    from cix_sandbox.problems import ControlError  # noqa: PLC0415
    from cix_sandbox.store import StoreError  # noqa: PLC0415

    try:
        listener = server.listen(host, port)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host} port {port}: {error.strerror}; choose another with --port"
        ) from error
    with listener:
        name = f"[{host}]" if ":" in host else host
        url = f"http://{name}:{listener.getsockname()[1]}"
        try:
            app = create_app(data_dir, url=url, export=export)
        except (StoreError, ControlError) as error:
            raise click.ClickException(str(error)) from error
        running = server.make_server(app)
        click.echo(
            f"Sandbox at {url}, data in {data_dir}. Credentials: cix-sandbox credentials --url {url}. Ctrl-C ends it."
        )
        running.run(sockets=[listener])


@main.command()
@_url_option
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Read the credentials from this data directory instead of asking a running sandbox.",
)
def credentials(url: str, data_dir: Path | None) -> None:
    """Print how to connect to the ready accounts, as JSON."""
    if data_dir is None:
        try:
            found = remote.ask(url, "GET", "/sandbox/credentials")
        except remote.Unreachable as error:
            if not DEFAULT_DATA_DIR.exists():
                raise click.ClickException(f"{error}; start one with `cix-sandbox serve`") from error
            found = _stored_credentials(DEFAULT_DATA_DIR)
    else:
        found = _stored_credentials(data_dir)
    click.echo(json.dumps(found, indent=2))


def _stored_credentials(data_dir: Path) -> dict[str, Any]:
    from cix_sandbox import app, control  # noqa: PLC0415  (the other commands start faster)
    from cix_sandbox.store import StoreError, open_store, read_meta  # noqa: PLC0415  (same)

    try:
        connection = open_store(data_dir, create=False)
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    with contextlib.closing(connection):
        url = read_meta(connection, app.LAST_URL) or DEFAULT_URL
        return control.credentials(connection, app.PLATFORMS, url)


@main.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--profiles",
    default=1000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of customer profiles.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed, the same folder.")
def sample(directory: Path, profiles: int, seed: int) -> None:
    """Write a made-up Customer Insights export folder into DIRECTORY."""
    from cix_sandbox.sample import write_sample  # noqa: PLC0415  (the other commands start faster)

    try:
        write_sample(directory, profiles, seed)
    except OSError as error:
        raise click.ClickException(f"cannot write into {directory}: {error.strerror}") from error
    click.echo(f"Wrote {profiles} profiles to {directory}.")


@main.command()
@_url_option
@click.argument("file", type=click.File("rb"))
def seed(url: str, file: BinaryIO) -> None:
    """Put the people, fields and lists of a JSON FILE into the running sandbox (- reads stdin)."""
    with _explained():
        remote.ask(url, "POST", "/sandbox/seed", file.read())
    click.echo("Seeded.")


@main.command()
@_url_option
def reset(url: str) -> None:
    """Put the running sandbox back to its fresh state."""
    with _explained():
        remote.ask(url, "POST", "/sandbox/reset")
    click.echo("Reset.")


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (remote.Unreachable, remote.Refused) as error:
        raise click.ClickException(str(error)) from error
