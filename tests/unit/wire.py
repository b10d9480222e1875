"""A server on the loopback interface in AWS's place, and the job's own clients talking to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from catalog_glue import glue_client
from storage import s3_client

# Turns a request and its body into the status and the text to answer with; None breaks the connection.
Answer = Callable[[BaseHTTPRequestHandler, bytes], tuple[int, str] | None]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """Serve requests; yield the endpoint."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            answered = answer(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))
            if answered is None:
                self.close_connection = True
                return
            status, text = answered
            self.send_response(status)
            self.send_header("ETag", '"e"')
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = respond  # noqa: N815 - the names of http.server

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def clients_of(endpoint: str, patch: pytest.MonkeyPatch, **more: str) -> Iterator[None]:
    """Let the job's clients be made anew and talk to an endpoint."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, value in {"AWS_ENDPOINT_URL": endpoint, **keys, **more}.items():
        patch.setenv(name, value)
    for client in (s3_client, glue_client):
        client.forget()
    yield
    for client in (s3_client, glue_client):
        client.forget()
