"""Plans a configuration with the real AWS provider and without AWS: a small server answers what a plan asks for."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ACCOUNT = "123456789012"
REGION = "eu-central-1"
SECONDS = 300
IDENTITY = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::{ACCOUNT}:root</Arn><UserId>AIDA</UserId><Account>{ACCOUNT}</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


class PlanError(Exception):
    """Terraform refuses the configuration; the message is what it printed."""


def plan(folder: Path, regions: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the planned values of the configuration in a folder, which declares no provider.

    Beside the provider of everybody there may be others, by alias, each in a region of its own.

    Raises:
        PlanError: when Terraform refuses the configuration.
    """
    with _answering_endpoint() as endpoint:
        providers = [_provider(endpoint, REGION)]
        providers += [{**_provider(endpoint, region), "alias": alias} for alias, region in (regions or {}).items()]
        (folder / "providers.tf.json").write_text(json.dumps({"provider": {"aws": providers}}))
        _terraform(folder, "init", "-input=false", "-no-color", "-backend=false")
        _terraform(folder, "plan", "-input=false", "-no-color", "-out=plan")
        planned: dict[str, Any] = json.loads(_terraform(folder, "show", "-json", "plan"))["planned_values"]
        return planned


def _provider(endpoint: str, region: str) -> dict[str, Any]:
    return {
        "region": region,
        "access_key": "test",
        "secret_key": "test",
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_requesting_account_id": True,
        "endpoints": {"sts": endpoint, "sfn": endpoint},
    }


def _terraform(folder: Path, *arguments: str) -> str:
    """Run Terraform in a folder and return what it prints."""
    command = [sys.executable, "-m", "scripts.terraform", "--", f"-chdir={folder}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode != 0:
        raise PlanError(f"terraform {arguments[0]}: {(done.stderr or done.stdout)[-3000:]}")
    return done.stdout


@contextmanager
def _answering_endpoint() -> Iterator[str]:
    """Serve the two calls the provider makes while planning: who am I, and is this definition valid."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        validates = self.headers.get("X-Amz-Target", "").endswith("ValidateStateMachineDefinition")
        body = ('{"result": "OK", "diagnostics": []}' if validates else IDENTITY).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0" if validates else "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the output clean."""
