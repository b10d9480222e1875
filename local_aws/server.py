"""The server process: ministack with the extensions, on the loopback interface, until it gets SIGTERM or SIGINT.

    python -m local_aws.server --directory DIR --port PORT

`LocalAws.start` runs it in the background; ministack reads its settings from the environment while it is imported, so
they are set before.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from local_aws.settings import ACCOUNT_ID, REGION, ROOT_ACCESS_KEY, ROOT_SECRET_KEY, Settings

KEEP_ALIVE_SECONDS = 75


def main() -> None:
    """Serve until told to stop, then end the Spark processes that still run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    settings = Settings(arguments.directory, arguments.port)
    try:
        settings.check()
    except ValueError as error:
        sys.exit(str(error))
    for folder in (settings.runs, settings.queries):
        folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(emulator_environment(settings))

    from local_aws.extensions import install
    from local_aws.extensions.hooks import HookError

    try:
        jobs = install(settings)
    except HookError as error:
        sys.exit(str(error))
    try:
        asyncio.run(serve(settings.port))
    finally:
        jobs.end_all()
    # Threads that wait for a query or a job must not hold up the end.
    sys.stdout.flush()
    os._exit(0)


def emulator_environment(settings: Settings) -> dict[str, str]:
    """Return the environment ministack is configured by."""
    return {
        "GATEWAY_PORT": str(settings.port),
        "BIND_HOST": "127.0.0.1",
        "AUTH": "true",
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_KEY,
        "S3_DATA_DIR": str(settings.directory / "s3"),
        "STATE_DIR": str(settings.directory / "state"),
        "TMPDIR": str(settings.directory),
        # Listeners of services that nothing here uses, each on a port of its own.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


async def serve(port: int) -> None:
    """Run ministack's ASGI application until a signal arrives."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config
    from ministack.app import app

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.graceful_timeout = 1.0
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    await hypercorn_serve(app, config, shutdown_trigger=stop.wait)


if __name__ == "__main__":
    main()
