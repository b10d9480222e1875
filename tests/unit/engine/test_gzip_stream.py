"""Reading gzip, judged by gzip.GzipFile of the standard library: the same bytes, or damaged for both."""

from __future__ import annotations

import gzip
import io
import os
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import conversion_gzip
from conversion_gzip import GzipStream

CASES = int(os.environ.get("RANDOM_CASES", "1500"))
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)
HEADER_BYTES = 10


def member(data: bytes, name: str, level: int) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(name, "wb", level, buffer, mtime=0) as file:
        file.write(data)
    return buffer.getvalue()


MEMBERS = st.builds(
    member,
    st.builds(lambda text, times: text * times, st.binary(max_size=200), st.sampled_from([1, 1, 40])),
    st.sampled_from(["", "a.csv"]),
    st.sampled_from([0, 1, 9]),
)
ZEROS = st.sampled_from([0, 0, 0, 1, 2, 600]).map(bytes)
BEHIND = st.sampled_from([b""] * 8 + [b"x", b"\0x", b"\x1f", b"\x1f\x8b", b"\x1f\x8b\x08"])


@st.composite
def packed_files(draw: st.DrawFn) -> bytes:
    """Draw a gzip file of one to three members, whole or cut off or with a wrong byte behind the first header."""
    data = b"".join(draw(MEMBERS) + draw(ZEROS) for _ in range(draw(st.integers(1, 3)))) + draw(BEHIND)
    match draw(st.sampled_from(["whole", "whole", "cut off", "wrong byte"])):
        case "cut off":
            return data[: draw(st.integers(1, len(data)))]
        case "wrong byte":
            place = draw(st.integers(HEADER_BYTES, len(data) - 1))
            return data[:place] + bytes([data[place] ^ draw(st.integers(1, 255))]) + data[place + 1 :]
    return data


def read_all(data: bytes, size: int) -> bytes | None:
    stream, text = GzipStream(io.BytesIO(data)), b""
    try:
        while found := stream.read(size):
            assert len(found) <= size
            text += found
        assert stream.read(size) == b""
    except DAMAGED:
        return None
    return text


def judged(data: bytes) -> bytes | None:
    try:
        return gzip.GzipFile(fileobj=io.BytesIO(data)).read()
    except DAMAGED:
        return None


def has_reserved_flags(data: bytes) -> bool:
    """Say whether a wrong byte has made a header of later members one that RFC 1952 has readers refuse."""
    starts = [place for place in range(len(data)) if data.startswith(b"\x1f\x8b\x08", place)]
    return any(data[place + 3 : place + 4] > b"\x1f" for place in starts)


@pytest.mark.random
@settings(max_examples=CASES, deadline=None)
@given(packed_files(), st.sampled_from([1, 2, 3, 7, 64, 1 << 20]), st.sampled_from([1, 5, 100, 1 << 22]))
def it_reads_what_gzip_reads(data: bytes, packed_bytes: int, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion_gzip, "_PACKED_BYTES", packed_bytes)
        found = read_all(data, size)
    assert found == judged(data) or (found is None and has_reserved_flags(data))


def it_refuses_a_header_with_reserved_flags() -> None:
    """A compliant reader must: https://www.rfc-editor.org/rfc/rfc1952#page-7 (FLG)."""
    data = bytearray(gzip.compress(b"a,b\n"))
    data[3] |= 0x80
    assert read_all(bytes(data), 100) is None
