"""Claim and seal: no digest survives beside partitions that somebody still moves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

import pytest

import catalog_publication
from catalog import Partition, TableChangedError
from catalog_local import LocalCatalog
from catalog_publication import (
    DIGEST,
    PUBLISHER,
    Claim,
    ConcurrentRunError,
    PartitionedTable,
    WholeTable,
    publish,
    seal,
)
from contract import DatasetContract, Values, parse_contract


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

    def find(self, values: Sequence[Values]) -> dict[Values, Partition]:
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
    monkeypatch.setattr(catalog_publication, "BATCH", 1)
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


@pytest.mark.parametrize("known", [False, True])
def it_takes_a_digest_away_that_came_after_the_claim_when_the_table_is_the_unit(
    contract: DatasetContract, catalog: LocalCatalog, known: bool
) -> None:
    """Another run seals after this one has claimed; its digest knows nothing of where the table moves to."""
    whole = WholeTable(catalog, "default", "trips", [{"Name": "id", "Type": "string"}], "/empty/")
    first = Partition((), "/a/", {"fingerprint": "1"})
    if known:
        whole.put([first], {})
    Claim(catalog, contract, "me").hold()
    set_digest(catalog, "of another run")
    if known:
        assert whole.remove([first]) == []
        assert whole.read() == {}
    else:
        assert whole.put([first], {}) == []
        assert whole.read() == {(): first}
    assert DIGEST not in parameters(catalog)


def it_keeps_what_belongs_to_the_unit_apart_from_what_belongs_to_the_table(
    contract: DatasetContract, catalog: LocalCatalog
) -> None:
    whole = WholeTable(catalog, "default", "trips", [], "/empty/")
    unit = Partition((), "/a/", {"fingerprint": "1", "contract_fingerprint": "old", "run_id": "r1"})
    whole.put([unit], {})
    sealed = {"contract_fingerprint": "new", "run_id": "r2"}
    seal(Claim(catalog, contract, "me"), catalog, contract, sealed, "digest", lambda: True)
    assert whole.find([()]) == {(): unit}
    assert {name: parameters(catalog)[name] for name in sealed} == sealed


def it_deletes_no_partition_that_it_could_not_read(catalog: LocalCatalog) -> None:
    """A partition that Glue does not show may be one that another run has just moved."""
    seen = Partition(("1",), "/a/", {"fingerprint": "1"})
    partitioned = PartitionedTable(catalog, "default", "trips", [{"Name": "id", "Type": "string"}])
    partitioned.put([seen], {})
    with mock.patch.object(catalog, "get_partitions", return_value={}):
        assert partitioned.remove([seen]) == []
    assert partitioned.read() == {("1",): seen}
    assert partitioned.remove([seen]) == []
    assert partitioned.read() == {}


def it_updates_a_local_table_only_at_its_version(catalog: LocalCatalog) -> None:
    table = catalog.find_table("trips")
    assert table is not None
    catalog.update_table(table.with_changes({"a": "1"}))
    with pytest.raises(TableChangedError, match=r"default\.trips is no longer at version 1"):
        catalog.update_table(table.with_changes({"a": "2"}))
    assert parameters(catalog)["a"] == "1"
