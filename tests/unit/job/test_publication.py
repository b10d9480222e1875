"""Claim and seal: no digest survives beside partitions that somebody still moves."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import publication
from catalog import Partition, TableChangedError, Values
from contract import DatasetContract, parse_contract
from local_catalog import LocalCatalog
from publication import DIGEST, PUBLISHER, Claim, ConcurrentRunError, publish, seal


@pytest.fixture
def contract(tmp_path: Path) -> DatasetContract:
    return parse_contract(
        {
            "dataset": "trips",
            "source_uri": str(tmp_path / "raw"),
            "lake_uri": str(tmp_path / "lake"),
            "partition_keys": [{"name": "month"}],
            "columns": [{"name": "id"}],
        }
    )


@pytest.fixture
def catalog(contract: DatasetContract) -> LocalCatalog:
    local = LocalCatalog(contract.lake_uri, "default")
    local.prepare(contract)
    return local


def set_digest(catalog: LocalCatalog, digest: str) -> None:
    """Do what the end of another run does."""
    table = catalog.find_table("trips")
    assert table is not None
    catalog.update_table(table.with_changes({DIGEST: digest, PUBLISHER: None}))


def parameters(catalog: LocalCatalog) -> Mapping[str, str]:
    table = catalog.find_table("trips")
    assert table is not None
    return table.parameters


class Spy:
    """A table that notes the digest at each publication; another run ends between any two of them."""

    def __init__(self, catalog: LocalCatalog) -> None:
        self.catalog = catalog
        self.digests: list[str | None] = []

    def read(self) -> dict[Values, Partition]:
        return {}

    def put(self, partitions: Sequence[Partition], seen: Mapping[Values, Partition]) -> list[Values]:
        self.digests.append(parameters(self.catalog).get(DIGEST))
        set_digest(self.catalog, "of another run")
        return []

    def remove(self, partitions: Sequence[Partition]) -> list[Values]:
        raise AssertionError("nothing is to be removed")


def it_takes_the_digest_away_before_every_batch(
    contract: DatasetContract, catalog: LocalCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "BATCH", 1)
    set_digest(catalog, "old")
    spy = Spy(catalog)
    publish(Claim(catalog, contract, "me"), spy, [Partition((month,), "/x", {}) for month in "123"], {})
    assert spy.digests == [None, None, None]


def it_seals_with_the_digest_only_when_all_is_right(contract: DatasetContract, catalog: LocalCatalog) -> None:
    seal(Claim(catalog, contract, "me"), catalog, contract, {"run_id": "r"}, "new", lambda: False)
    assert DIGEST not in parameters(catalog)
    seal(Claim(catalog, contract, "me"), catalog, contract, {"run_id": "r"}, "new", lambda: True)
    assert parameters(catalog)[DIGEST] == "new"
    assert parameters(catalog)["run_id"] == "r"
    assert PUBLISHER not in parameters(catalog)


def it_looks_again_when_another_run_claims_while_it_looks(contract: DatasetContract, catalog: LocalCatalog) -> None:
    answers = iter([True, False])

    def is_right() -> bool:
        answer = next(answers)
        if answer:
            Claim(catalog, contract, "other").hold()
        return answer

    seal(Claim(catalog, contract, "me"), catalog, contract, {}, "new", is_right)
    assert DIGEST not in parameters(catalog)


def it_gives_up_when_others_never_stop(contract: DatasetContract, catalog: LocalCatalog) -> None:
    def is_right() -> bool:
        set_digest(catalog, "of another run")
        return True

    with pytest.raises(ConcurrentRunError, match=r"changed table default\.trips 10 times in a row"):
        seal(Claim(catalog, contract, "me"), catalog, contract, {}, "new", is_right)


def it_updates_a_local_table_only_at_its_version(catalog: LocalCatalog) -> None:
    table = catalog.find_table("trips")
    assert table is not None
    catalog.update_table(table.with_changes({"a": "1"}))
    with pytest.raises(TableChangedError, match=r"default\.trips is no longer at version 1"):
        catalog.update_table(table.with_changes({"a": "2"}))
    assert parameters(catalog)["a"] == "1"
