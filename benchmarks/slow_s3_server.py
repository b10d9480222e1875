"""An S3 that takes its time: objects of a local folder, each answer late and each connection no faster than a rate.

`python -m benchmarks.slow_s3_server ROOT --latency_ms 30 --megabytes_per_second 80` prints its port. Buckets are the
folders of ROOT, and its files: of these each line is a key, with no object behind it. It knows the requests that the
job makes and checks nothing but ETags; whether these are right is for the local AWS to say. S3's own figures: 85 to 90
MB/s a request, first bytes after tens of milliseconds
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-guidelines.html).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from benchmarks.slow_s3_listing import Keys, etag_of, keys_of_folder, keys_of_list

CHUNK_BYTES = 256 * 1024
_lock = threading.Lock()
_uploads: dict[str, Path] = {}
_listings: dict[Path, Keys] = {}


class Pace:
    """Lets bytes pass no faster than a rate, in bytes per second."""

    def __init__(self, rate: float) -> None:
        """Begin now."""
        self._rate, self._begin, self._passed = rate, time.perf_counter(), 0

    def passed(self, size: int) -> None:
        """Wait until so many bytes more may have passed."""
        self._passed += size
        early = self._begin + self._passed / self._rate - time.perf_counter()
        if early > 0:
            time.sleep(early)


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    # Without it a small answer waits for the receiver's delayed acknowledgement.
    disable_nagle_algorithm = True
    root: Path
    latency: float
    rate: float

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""

    def _begin(self) -> tuple[Path, dict[str, list[str]]]:
        time.sleep(self.latency)
        address = urlsplit(self.path)
        return self.root / unquote(address.path).lstrip("/"), parse_qs(address.query, keep_blank_values=True)

    def do_HEAD(self) -> None:
        """Tell size and ETag."""
        path, _ = self._begin()
        if not path.is_file():
            self._answer(404)
            return
        self._answer(200, length=path.stat().st_size, etag=etag_of(path))

    def do_GET(self) -> None:
        """Send a whole object or a range of it."""
        path, query = self._begin()
        if "list-type" in query:
            self._list(path, query)
            return
        if not path.is_file():
            self._answer(404, error("NoSuchKey"))
            return
        etag, size = etag_of(path), path.stat().st_size
        if self.headers.get("If-Match", etag) != etag:
            self._answer(412, error("PreconditionFailed"))
            return
        begin, end = 0, size
        if found := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            begin, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
            if begin >= size:
                self._answer(416, error("InvalidRange"))
                return
        self._answer(206 if (begin, end) != (0, size) else 200, length=end - begin, etag=etag)
        self.wfile.flush()
        pace = Pace(self.rate)
        with path.open("rb") as file:
            while begin < end:
                sent = os.sendfile(self.connection.fileno(), file.fileno(), begin, min(CHUNK_BYTES, end - begin))
                begin += sent
                pace.passed(sent)

    def _list(self, bucket: Path, query: dict[str, list[str]]) -> None:
        said = {name: values[0] for name, values in query.items()}
        after = said.get("continuation-token", said.get("start-after", ""))
        # Whoever begins to list sees what is there now, and whoever goes on what was there then.
        keys = _listings.get(bucket) if after or bucket.is_file() else None
        if keys is None:
            keys = _listings[bucket] = keys_of_list(bucket) if bucket.is_file() else keys_of_folder(bucket)
        self._answer(200, keys.answer(said.get("prefix", ""), after, said.get("delimiter", "")))

    def do_PUT(self) -> None:
        """Take an object, or a part of one."""
        path, query = self._begin()
        part = "partNumber" in query
        target = _uploads[query["uploadId"][0]] / f"{int(query['partNumber'][0]):05d}" if part else path
        hidden = target.with_name(f".{target.name}.{threading.get_ident()}")
        hidden.parent.mkdir(parents=True, exist_ok=True)
        left, pace = int(self.headers["Content-Length"]), Pace(self.rate)
        with hidden.open("wb") as file:
            while left:
                data = self.rfile.read(min(CHUNK_BYTES, left))
                file.write(data)
                left -= len(data)
                pace.passed(len(data))
        hidden.replace(target)
        self._answer(200, etag=etag_of(target))

    def do_POST(self) -> None:
        """Begin and complete an upload in parts; delete objects."""
        path, query = self._begin()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if "uploads" in query:
            with _lock:
                upload = f"upload-{len(_uploads)}"
                _uploads[upload] = self.root / ".uploads" / upload
            _uploads[upload].mkdir(parents=True)
            self._answer(200, f"<R><UploadId>{upload}</UploadId></R>")
        elif "uploadId" in query:
            parts = _uploads[query["uploadId"][0]]
            path.parent.mkdir(parents=True, exist_ok=True)
            hidden = path.with_name(f".{path.name}")
            with hidden.open("wb") as file:
                for number in re.findall(r"<PartNumber>(\d+)</PartNumber>", body):
                    with (parts / f"{int(number):05d}").open("rb") as part:
                        shutil.copyfileobj(part, file)
            hidden.replace(path)
            shutil.rmtree(parts)
            self._answer(200, f"<R><ETag>{etag_of(path)}</ETag></R>")
        else:
            for key in re.findall(r"<Key>(.*?)</Key>", body):
                (path / key).unlink(missing_ok=True)
            self._answer(200, "<DeleteResult/>")

    def do_DELETE(self) -> None:
        """Forget an upload, or delete an object."""
        path, query = self._begin()
        if "uploadId" in query:
            shutil.rmtree(_uploads[query["uploadId"][0]], ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        self._answer(204)

    def _answer(self, status: int, body: str = "", *, length: int | None = None, etag: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if etag:
            self.send_header("ETag", etag)
        self.end_headers()
        if body:
            self.wfile.write(body.encode())


class Server(ThreadingHTTPServer):
    """Takes all connections that a job opens at once: what finds no place in the queue tries again after a second."""

    daemon_threads = True
    request_queue_size = 128


def error(code: str) -> str:
    """Return the body of an error."""
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"


def main() -> None:
    """Serve until the standard input ends, that is until whoever started it has ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--latency_ms", type=float, default=30)
    parser.add_argument("--megabytes_per_second", type=float, default=80)
    arguments = parser.parse_args()
    Handler.root, Handler.latency = arguments.root, arguments.latency_ms / 1000
    Handler.rate = arguments.megabytes_per_second * 1e6
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
