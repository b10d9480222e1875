"""Packed files: told by their first bytes, whatever they are called, read as a stream, and named where damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import random
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from conversion_errors import UnreadableFileError
from conversion_opening import open_source, open_unpacked
from sources import SourceFile
from storage import LocalStorage
from tests.unit.engine.helpers import columns, convert

AB = columns(a="int", b="string")
TEXT = b"a,b\n" + b"".join(b'%d,"x\n%d"\n' % (number, number) for number in range(300)) + b"bad,y\n"
EXPECTED = convert(TEXT, AB)


def zipped(files: Mapping[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def zipped_as_a_stream(data: bytes) -> bytes:
    """Return what `zip -` writes to a pipe: sizes and checksum stand behind the data."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as member:
        member.write(data)
    return pipe.getvalue()


def zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, codec="zstd", asbytes=True))


def zip_of_one(data: bytes) -> bytes:
    return zipped({"a.csv": data})


PACKED: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "zst": zstd, "zip": zip_of_one}


@pytest.mark.parametrize("split", [50, 1 << 20])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.{}", "A.CSV.{}", "a.csv.gz"])
@pytest.mark.parametrize("packing", PACKED)
def it_tells_packed_files_by_their_first_bytes(packing: str, name: str, split: int) -> None:
    found = convert({name.format(packing): PACKED[packing](TEXT)}, AB, split=split, window=16)
    assert (found.rows, found.bad_places()) == (EXPECTED.rows, [(602, "a")])
    assert found.accounts() == EXPECTED.accounts()


@pytest.mark.parametrize("packing", ["gz", "bz2", "zst"])
def it_reads_all_members_of_a_packed_file(packing: str) -> None:
    pack = PACKED[packing]
    found = convert({"a.csv": pack(b"a,b\n1,") + pack(b"x\n2,y\n")}, AB)
    assert found.rows == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


@pytest.mark.parametrize(
    "data",
    [
        zipped({"x.txt": TEXT}, zipfile.ZIP_STORED),
        zipped({"x.txt": TEXT}, zipfile.ZIP_BZIP2),
        zipped({"folder/": b"", "folder/x": TEXT}),
        zipped({"a.csv": TEXT, "__MACOSX/._a.csv": b"\0\5\x16\7"}),
        zipped_as_a_stream(TEXT),
    ],
)
def it_reads_zip_files_as_programs_write_them(data: bytes) -> None:
    assert convert(data, AB, split=100, window=16).rows == EXPECTED.rows


def it_reads_packed_files_of_another_encoding_and_several_dialects() -> None:
    data = "a;b\n1;'ä;'\n".encode("utf-16")
    for pack in PACKED.values():
        found = convert(pack(data), AB, {"encoding": "utf-16", "delimiter": ";", "quote": "'"})
        assert found.rows == [{"a": 1, "b": "ä;"}]
        assert convert(pack(b"1,x\n"), AB, {"header": False}).rows == [{"a": 1, "b": "x"}]


@pytest.mark.parametrize("data", [b"", b"a,b\n"])
def it_reads_no_rows_from_a_packed_file_of_nothing(data: bytes) -> None:
    for end, pack in PACKED.items():
        assert convert({f"a.csv.{end}": pack(data)}, AB).rows == []
        assert convert({f"a.csv.{end}": b""}, AB).rows == []


@pytest.mark.parametrize("packing", [("gz", "gzip"), ("bz2", "bzip2"), ("zst", "zstd"), ("zip", "zip")])
def it_names_a_damaged_file(packing: tuple[str, str]) -> None:
    end, name = packing
    noise = b"a,b\n" + random.Random(1).randbytes(3000).hex().encode()  # noqa: S311
    packed = PACKED[end](noise)
    damaged = [packed[:-9], packed[: len(packed) // 2], packed[:12]]
    if end != "zip":
        damaged.append(packed + b"garbage")
    if end != "zst":  # whose checksum is an option, which this writer does not take
        damaged.append(packed[:300] + b"\0\xff\0" + packed[303:])
    for data in damaged:
        with pytest.raises(UnreadableFileError, match=rf"a\.csv is not a whole {name} file: "):
            convert(data, AB)
    with pytest.raises(
        UnreadableFileError, match=rf"a\.csv\.{end} is not a whole {name} file: it does not begin as one"
    ):
        convert({f"a.csv.{end}": TEXT}, AB)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"a\.csv is a zip file that holds 0 files; allowed is exactly one: upload the files themselves"),
        ({"x.csv": b"a,b\n", "y.csv": b"a,b\n"}, r"holds 2 files \('x\.csv', 'y\.csv'\); allowed is exactly one"),
        (
            {"[Content_Types].xml": b"", "xl/workbook.xml": b""},
            r"a\.csv is a spreadsheet or another office document \(\.xlsx, \.ods\) by its content, .*: export it as",
        ),
        ({"mimetype": b"application/vnd.oasis", "content.xml": b""}, "is a spreadsheet or another office document"),
    ],
)
def it_says_what_is_wrong_with_a_zip_file(files: dict[str, bytes], message: str) -> None:
    with pytest.raises(UnreadableFileError, match=message):
        convert(zipped(files), AB)


def it_names_a_zip_file_whose_directory_is_damaged() -> None:
    data = zipped({"é.csv": TEXT})
    directory = data.rindex(b"PK\5\6") + 12
    for damaged in (data.replace("é".encode(), b"\xff\xff"), data[:directory] + b"\xff" + data[directory + 1 :]):
        with pytest.raises(UnreadableFileError, match=r"^a\.csv is not a whole zip file: "):
            convert(damaged, AB)


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def it_names_a_zip_file_whose_bytes_are_damaged_however_it_is_packed(how: int) -> None:
    noise = b"a,b\n" + random.Random(1).randbytes(3000).hex().encode()  # noqa: S311
    packed = zipped({"a.csv": noise}, how)
    for place in (60, 300, 2000):
        with pytest.raises(UnreadableFileError, match=r"^a\.csv\.zip is not a whole zip file: "):
            convert({"a.csv.zip": packed[:place] + b"\0\xff\0" + packed[place + 3 :]}, AB)


def it_says_that_a_zip_file_is_packed_in_a_way_that_it_cannot_unpack() -> None:
    """Method 9, Deflate64, which Windows takes for big files: nothing is damaged."""
    data = bytearray(zipped({"a.csv": TEXT}))
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = data.index(mark) + offset
        data[place : place + 2] = (9).to_bytes(2, "little")
    with pytest.raises(UnreadableFileError, match=r"^a\.csv\.zip is a zip file that is packed in an unusual"):
        convert({"a.csv.zip": bytes(data)}, AB)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.zip"])
@pytest.mark.parametrize("error", [NotImplementedError("no such cast"), zipfile.BadZipFile("of somebody else")])
def it_blames_a_file_for_nothing_that_goes_wrong_behind_it(tmp_path: Path, name: str, error: Exception) -> None:
    """Arrow's ArrowNotImplementedError is a NotImplementedError, and not a damaged zip file."""
    pack = {"a.csv.gz": gzip.compress, "a.csv.zip": zip_of_one}.get(name, bytes)
    path = tmp_path / name
    path.write_bytes(pack(TEXT))
    (listed,) = LocalStorage().list(f"{tmp_path}/")
    source = SourceFile(listed.uri, listed.key, listed.size, listed.etag)
    with pytest.raises(type(error), match=str(error)), closing(open_source(source)) as raw, open_unpacked(source, raw):
        raise error


def it_refuses_a_zip_file_with_a_password() -> None:
    data = bytearray(zip_of_one(TEXT))
    data[6] |= 1
    data[data.rindex(b"PK\1\2") + 8] |= 1
    with pytest.raises(UnreadableFileError, match=r"a\.csv is a zip file with a password: upload it without one"):
        convert(bytes(data), AB)
