"""What the slow S3 lists: sorted keys of a folder or of a list, answered as ListObjectsV2 does.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html. An answer takes a millisecond or two, so that it
is not the server that a listing waits for.
"""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

PAGE_KEYS = 1000
# The character behind the slash: what begins with a folder's name and this comes next to the folder.
BEHIND_SLASH = "0"


def etag_of(path: Path) -> str:
    """Return an ETag that changes whenever the file is written."""
    return etag(path.stat())


def etag(seen: os.stat_result) -> str:
    """Return the ETag of a file in this state."""
    return f'"{hashlib.md5(f"{seen.st_size}:{seen.st_mtime_ns}".encode(), usedforsecurity=False).hexdigest()}"'


class Keys:
    """Objects of a bucket by key, each with the XML that lists it."""

    def __init__(self, objects: Iterable[tuple[str, int, str, float]]) -> None:
        """Take keys with size, ETag and time."""
        listed = {key: _contents(key, size, tag, modified) for key, size, tag, modified in objects}
        self._keys = sorted(listed)
        self._contents = [listed[key] for key in self._keys]

    def answer(self, prefix: str, after: str, delimiter: str) -> str:
        """Return a page of what lies below a prefix and behind a key."""
        position = max(bisect_left(self._keys, prefix), bisect_right(self._keys, after))
        rows: list[str] = []
        last, more = "", False
        while position < len(self._keys) and (key := self._keys[position]).startswith(prefix):
            slash = key.find("/", len(prefix)) if delimiter else -1
            row = key if slash < 0 else key[: slash + 1]
            # A folder that is not greater than the key to begin behind is left out.
            if row > after:
                if len(rows) == PAGE_KEYS:
                    more = True
                    break
                last = row
                folder = f"<CommonPrefixes><Prefix>{escape(quote(row))}</Prefix></CommonPrefixes>"
                rows.append(self._contents[position] if slash < 0 else folder)
            position = position + 1 if slash < 0 else bisect_left(self._keys, key[:slash] + BEHIND_SLASH, position)
        token = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if more else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Prefix>{escape(quote(prefix))}</Prefix><KeyCount>{len(rows)}</KeyCount><MaxKeys>{PAGE_KEYS}</MaxKeys>"
            f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>{token}{''.join(rows)}"
            "</ListBucketResult>"
        )


def _contents(key: str, size: int, tag: str, modified: float) -> str:
    time = datetime.fromtimestamp(modified, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return (
        f"<Contents><Key>{escape(quote(key))}</Key><LastModified>{time}</LastModified><ETag>{escape(tag)}</ETag>"
        "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
        f"<Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )


def keys_of_folder(bucket: Path) -> Keys:
    """Return what lies in a folder now, which need not be there."""
    return Keys(_files(bucket, "") if bucket.is_dir() else ())


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, int, str, float]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(Path(entry.path), f"{prefix}{entry.name}/")
            elif not entry.name.startswith("."):
                seen = entry.stat()
                yield f"{prefix}{entry.name}", seen.st_size, etag(seen), seen.st_mtime


def keys_of_list(path: Path) -> Keys:
    """Return objects of which there is nothing but the key, one a line of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return Keys(
        (key, 1000, f'"{hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()}"', 1.7e9) for key in lines
    )
