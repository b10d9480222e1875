"""Tables that lie in this lake and belong to no dataset any more: their dataset was renamed or removed.

Nobody updates them, and whoever queries them does not see it. They are named, never deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from catalog import Catalog, CatalogRefusedError
from contract import DatasetContract
from lake import dataset_of


def find_orphans(catalog: Catalog, contract: DatasetContract) -> tuple[str, ...]:
    """Return the names of tables of datasets that there are no more; none where the contract names no datasets.

    A role of somebody's own that may not list tables is no reason to fail: the log says what is not known then.
    """
    if not contract.lake_datasets:
        return ()
    try:
        return orphans(contract, catalog.list_locations())
    except CatalogRefusedError as error:
        logging.getLogger(__name__).warning(
            "tables of datasets that were renamed or removed cannot be named: %s", error
        )
        return ()


def orphans(contract: DatasetContract, locations: Mapping[str, str]) -> tuple[str, ...]:
    """Return the tables, of all with their locations, that lie in the lake and belong to none of its datasets.

    The raw table of such a dataset counts too; its name tells, and that it lies in the raw data's bucket.
    """
    owners = {name: dataset_of(contract.lake_uri, location) for name, location in locations.items()}
    known = {table for dataset in contract.lake_datasets for table in _tables(dataset)}
    # A renamed dataset's tables lie where those of its earlier name do.
    in_lake = {name: owner for name, owner in owners.items() if owner is not None and name not in known}
    raw = {_raw_table(dataset) for dataset in (*in_lake, *in_lake.values())} - known
    bucket = _bucket(contract.source_uri)
    beside = {name for name in raw if owners.get(name, "") is None and _bucket(locations[name]) == bucket}
    return tuple(sorted({*in_lake, *beside}))


def _tables(dataset: str) -> tuple[str, ...]:
    return dataset, _raw_table(dataset), f"{dataset}_quarantine"


def _raw_table(dataset: str) -> str:
    return f"raw_{dataset}"


def _bucket(uri: str) -> str:
    return "/".join(uri.split("/")[:3])
