"""What lies in the lake: every run folder of a dataset with its objects, listed once, at the beginning of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from contract import DatasetContract
from lake import data_root, quarantine_root, run_folder_of
from lake_manifests import Named, folder_digest
from storage import StoredObject, open_storage


@dataclass
class RunFolder:
    """The objects of one unit of one attempt; `uri` is its folder of data, also where only bad rows are left."""

    uri: str
    bad_uri: str
    files: list[StoredObject] = field(default_factory=list)
    bad_files: list[StoredObject] = field(default_factory=list)

    @property
    def run(self) -> str:
        """Return the name of the run folder."""
        return self.uri.split("/")[-2]

    def places(self) -> tuple[tuple[str, list[StoredObject]], ...]:
        """Return both folders with their objects."""
        return (self.uri, self.files), (self.bad_uri, self.bad_files)

    @property
    def newest(self) -> datetime:
        """Return when its newest object was written."""
        return max(item.modified for item in (*self.files, *self.bad_files))

    @property
    def digest(self) -> str:
        """Return the digest of its objects."""
        return folder_digest(named(self.files), named(self.bad_files))


def named(objects: Iterable[StoredObject]) -> Named:
    """Return names, sizes and ETags of objects."""
    return ((item.uri.rpartition("/")[2], item.size, item.etag) for item in objects)


def list_lake(contract: DatasetContract) -> Mapping[str, RunFolder]:
    """Return the run folders of a dataset by the URI of their data."""
    data, bad = data_root(contract), quarantine_root(contract)
    folders: dict[str, RunFolder] = {}
    for root in (data, bad):
        for path, item in _objects(root):
            folder = folders.setdefault(f"{data}{path}", RunFolder(f"{data}{path}", f"{bad}{path}"))
            (folder.files if root == data else folder.bad_files).append(item)
    return folders


def _objects(root: str) -> Iterator[tuple[str, StoredObject]]:
    """Yield the objects in run folders below a root, each with its folder below that root."""
    for item in open_storage(root).list(root):
        folder = item.uri.rpartition("/")[0] + "/"
        if run_folder_of(folder) is not None:
            yield folder.removeprefix(root), item
