"""Tables that lie in this lake and belong to no dataset any more: their dataset was renamed or removed.

Nobody updates them, and whoever queries them does not see it. They are named, never deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

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
    gone = {owner for owner in owners.values() if owner is not None and owner not in contract.lake_datasets}
    known = set(_raw_tables(contract.lake_datasets))
    raw = {name for name in _raw_tables(gone) if name not in known and owners.get(name, "") is None}
    beside = {name for name in raw if _bucket(locations[name]) == _bucket(contract.source_uri)}
    return tuple(sorted({name for name, owner in owners.items() if owner in gone} | beside))


def _raw_tables(datasets: Collection[str]) -> list[str]:
    return [f"raw_{dataset}" for dataset in datasets]


def _bucket(uri: str) -> str:
    return "/".join(uri.split("/")[:3])
