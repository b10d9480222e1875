"""Random histories against a model of what should be in the table.

A history is a sequence of uploads, overwrites, deletions, renames, changes of the contract, runs (some of them forced),
runs killed at a random step, and two runs interleaved call by call with uploads in between. After each of these:
- readers see every unit whole, as it was or as it is to be, and no fingerprint lies;
- if the stored digest says that there is nothing to do, the table is right;
- one more run makes it right.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import catalog_publication
import faults
import job
from catalog import Catalog
from catalog_publication import ConcurrentRunError
from contract import DatasetContract, load_contract
from conversion import UnitResult
from conversion_plan import UnitWork
from job import SourceConflictError
from storage import StorageError
from tests.unit.job.fake_glue import FakeGlue
from tests.unit.job.killing import KilledError, die
from tests.unit.job.support import BAD, World, convert, etag, listing_digest

HISTORIES = 400
PER_TEST = 20
STEPS_PER_HISTORY = 12
MONTHS = ("01", "02", "03")
CONTRACTS: list[list[dict[str, Any]]] = [
    [{"name": "id"}, {"name": "n", "type": "int"}],
    [{"name": "id"}, {"name": "n", "type": "bigint"}, {"name": "extra"}],
]
KILLABLE = [step for step in faults.STEPS if step != "converting"]


class Turns:
    """Lets threads run one at a time, switching at every catalog call by the dice of the history."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._here = threading.local()
        self._back = threading.Semaphore(0)

    def pause(self) -> None:
        """Give the turn back; in a thread that was not started here, go on."""
        if (go := getattr(self._here, "go", None)) is not None:
            self._back.release()
            go.acquire()

    def run(self, actions: Sequence[Callable[[], None]], between: Callable[[], None]) -> None:
        """Run all actions to their end."""
        ended = [False] * len(actions)
        gates = [threading.Semaphore(0) for _ in actions]

        def work(number: int) -> None:
            self._here.go = gates[number]
            gates[number].acquire()
            try:
                actions[number]()
            finally:
                ended[number] = True
                self._back.release()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(len(actions))]
        for thread in threads:
            thread.start()
        while not all(ended):
            gates[self._dice.choice([number for number, done in enumerate(ended) if not done])].release()
            self._back.acquire()
            between()
        for thread in threads:
            thread.join()


class PausingCatalog:
    """Passes every call on to a catalog and gives the turn back before it."""

    def __init__(self, catalog: Catalog, turns: Turns) -> None:
        self._catalog, self._turns = catalog, turns

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._catalog, name)

        def call(*arguments: Any) -> Any:
            self._turns.pause()
            return method(*arguments)

        return call


class Model:
    """What should be in the table: for each unit the files whose rows it holds, by key. A file is what it holds."""

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self.raw: dict[str, dict[str, tuple[str, ...]]] = {}
        self.loaded: dict[str, dict[str, tuple[str, ...]]] = {}
        self.conflicts: set[str] = set()
        # Which contract is in force, and with which each loaded unit was made, now and after the next run.
        self.contract = 0
        self.made_with: dict[str, int] = {}
        self.settled_with: dict[str, int] = {}

    def settled(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Return the units after a run that sees the raw files as they are now."""
        self.conflicts = set()
        self.settled_with = dict(self.made_with)
        if not self.keep:
            return {unit: dict(files) for unit, files in self.raw.items()}
        result = {unit: dict(files) for unit, files in self.loaded.items()}
        for unit, now in self.raw.items():
            result[unit] = self._kept(unit, self.loaded.get(unit, {}), dict(now))
        return result

    def _kept(self, unit: str, before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
        gone = {key for key in before if key not in now}
        new = {key for key in now if key not in before}
        for key in sorted(new):
            twin = next((old for old in sorted(gone) if before[old] == now[key]), None)
            if twin is not None:
                gone.remove(twin)
                new.remove(key)
        if not gone:
            self.settled_with[unit] = self.contract
            return now
        changed = any(now[key] != before[key] for key in now if key in before)
        # Rows of expired files stay with the contract they were made with, so files of another cannot join them.
        if changed or (new and self.made_with[unit] != self.contract):
            self.conflicts.add(unit)
            return before
        return before | {key: now[key] for key in new}

    def gone(self, unit: str) -> bool:
        """Say whether files that a unit was loaded from are gone."""
        now, twins = self.raw.get(unit, {}), 0
        before = self.loaded.get(unit, {})
        fresh = [now[key] for key in now if key not in before]
        for key in before:
            if key not in now and before[key] in fresh:
                fresh.remove(before[key])
                twins += 1
        return len([key for key in before if key not in now]) > twins

    @staticmethod
    def rows(units: dict[str, dict[str, tuple[str, ...]]], bad: bool) -> dict[str, list[str]]:
        """Return the good or the bad rows per unit, as a reader sees them."""
        found = {}
        for unit, files in units.items():
            rows = [row for content in files.values() for row in content if (row == BAD) == bad]
            if rows or not bad:
                found[unit] = sorted(rows)
        return found


class History:
    """One random history in one world."""

    def __init__(self, seed: int, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.patch = patch
        self.partitioned = self.dice.random() < 0.75
        self.lost_a_manifest = False
        keep = self.dice.random() < 0.5
        glue = FakeGlue(self._hiccup) if self.dice.random() < 0.5 else None
        keys = [{"name": "month"}] if self.partitioned else []
        policy = "keep" if keep else "mirror"
        columns = CONTRACTS[0]
        self.world = World(
            folder, glue, partition_keys=keys, on_source_removed=policy, columns=columns, schema_drift="ignore"
        )
        self.model = Model(keep)
        self.turns = Turns(self.dice)
        self.count = 0
        # Every version of every file ever written: its bytes, its time and its rows.
        self.versions: dict[tuple[str, str], list[tuple[bytes, int, tuple[str, ...]]]] = {}
        self.contents: dict[tuple[str, str], tuple[str, ...]] = {}
        patch.setattr(job, "open_catalog", self._catalog)
        patch.setattr(catalog_publication, "BATCH", self.dice.choice([1, 2, 100]))

    def _catalog(self, contract: DatasetContract) -> Any:
        return PausingCatalog(self.world.open_catalog(contract), self.turns)

    def _hiccup(self, operation: str, values: tuple[str, ...]) -> str | None:
        writes = operation != "BatchGetPartition"
        return "InternalServiceException" if writes and self.dice.random() < 0.05 else None

    # ---- what users do
    def unit(self) -> str:
        return self.dice.choice(MONTHS) if self.partitioned else ""

    def path(self, unit: str, name: str) -> str:
        return f"month={unit}/{name}" if unit else name

    def existing(self) -> tuple[str, str] | None:
        files = [(unit, name) for unit in sorted(self.model.raw) for name in sorted(self.model.raw[unit])]
        return self.dice.choice(files) if files else None

    def write(self, unit: str, name: str) -> None:
        self.count += 1
        rows = [BAD if self.dice.random() < 0.1 else f"{self.count}-{row}" for row in range(self.dice.randint(0, 3))]
        path = self.world.put(self.path(unit, name), *rows)
        version = tuple(rows)
        self.model.raw.setdefault(unit, {})[name] = version
        self.versions.setdefault((unit, name), []).append((path.read_bytes(), path.stat().st_mtime_ns, version))
        self.contents[self.path(unit, name), etag(path)] = version

    def upload(self) -> None:
        self.write(self.unit(), f"f{self.count}.csv")

    def overwrite(self) -> None:
        if (place := self.existing()) is not None:
            self.write(*place)

    def put_back(self) -> None:
        """Restore an earlier version of a file that is there or was deleted, byte for byte and with its time."""
        if self.versions:
            unit, name = self.dice.choice(sorted(self.versions))
            content, time, version = self.dice.choice(self.versions[unit, name])
            path = self.world.raw / self.path(unit, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, ns=(time, time))
            self.model.raw.setdefault(unit, {})[name] = version

    def lose_partitions(self) -> None:
        """Somebody drops the quarantine table or the raw table, and it is made anew, empty."""
        name = self.dice.choice(["trips_quarantine", "raw_trips"])
        if self.partitioned:
            catalog = self.world.open_catalog(load_contract(str(self.world.config)))
            catalog.delete_partitions(name, list(catalog.list_partitions(name)))
            self.settle()

    def lose_catalog(self) -> None:
        """The tables are dropped, or the database is another one: all of it, or the Parquet table alone."""
        names = self.dice.choice([("trips",), ("trips", "trips_quarantine", "raw_trips")])
        self.world.lose_tables(*names)
        self.settle()

    def lose_partition(self) -> None:
        """Somebody drops one partition of the Parquet table."""
        if self.partitioned and (published := sorted(self.world.partitions())):
            catalog = self.world.open_catalog(load_contract(str(self.world.config)))
            catalog.delete_partitions("trips", [(self.dice.choice(published),)])
            self.settle()

    def lose_all_after_a_kill(self) -> None:
        """A run is killed between publication and note, or before it, and then the catalog is lost."""
        self.patch.setenv(faults.VARIABLE, self.dice.choice(["manifested", "claimed", "published", "raw", "sealed"]))
        with suppress(KilledError, SourceConflictError):
            self.world.run()
        self.patch.setenv(faults.VARIABLE, "")
        self.world.lose_tables("trips", "trips_quarantine", "raw_trips")
        self.settle()

    def published_files(self) -> list[Path]:
        """Return the files that the catalog names, none before the first run."""
        if self.world.runs == 0:
            return []
        places = [
            Path(item["StorageDescriptor"]["Location"])
            for name in ("trips", "trips_quarantine")
            for item in self.world.partitions(name).values()
        ]
        return sorted(path for place in places for path in place.iterdir())

    def damage(self) -> None:
        """A published object is lost or altered; where its sources are gone, the run names it until it is put back."""
        if not (files := self.published_files()):
            return
        path = self.dice.choice(files)
        data, unit = path.read_bytes(), self.world.unit_of(path)
        if self.dice.random() < 0.5 or not data:
            path.unlink()
        else:
            path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        if self.model.keep and self.model.gone(unit):
            with pytest.raises(SourceConflictError):
                self.world.run()
            path.write_bytes(data)
        self.settle()

    def copy_lake(self) -> None:
        """The lake is restored from a backup: every object has another ETag, and nothing else is changed."""
        for path in self.world.lake.rglob("*.parquet"):
            stamp = path.stat().st_mtime + self.dice.randint(1, 1000)
            os.utime(path, (stamp, stamp))
        self.settle()

    def lose_manifest(self) -> None:
        """A manifest is lost and so is the catalog; nothing of its folders is deleted until it is found again."""
        self.settle()
        manifests = sorted((self.world.lake / "manifests/trips").glob("*.json"))
        if not manifests or self.model.conflicts:
            return
        self.lost_a_manifest = True
        files = self.published_files()
        lost = self.dice.choice(manifests)
        hidden = lost.rename(lost.with_suffix(".hidden"))
        self.world.lose_tables("trips", "trips_quarantine", "raw_trips")
        with suppress(SourceConflictError):
            self.world.run(later=timedelta(days=30))
        made_anew = {unit for unit in self.model.raw if not self.model.keep or not self.model.gone(unit)}
        for path in files:
            assert path.exists() or self.world.unit_of(path) in made_anew
        hidden.rename(lost)
        self.world.lose_tables("trips", "trips_quarantine", "raw_trips")
        self.settle()

    def delete(self) -> None:
        if (place := self.existing()) is not None:
            unit, name = place
            (self.world.raw / self.path(unit, name)).unlink()
            self._forget(unit, name)

    def rename(self) -> None:
        if (place := self.existing()) is not None:
            unit, name = place
            self.count += 1
            target = f"r{self.count}.csv"
            path = self.world.raw / self.path(unit, name)
            renamed = path.rename(path.with_name(target))
            self.model.raw[unit][target] = self.model.raw[unit][name]
            self.touch(unit, target, renamed)
            self._forget(unit, name)

    def touch(self, unit: str, name: str, path: Path) -> None:
        """Give a file another ETag in half of all cases, as SSE-KMS does with every copy."""
        if self.dice.random() < 0.5:
            stamp = path.stat().st_mtime + self.dice.randint(1, 1000)
            os.utime(path, (stamp, stamp))
        self.contents[self.path(unit, name), etag(path)] = self.model.raw[unit][name]

    def upload_again(self) -> None:
        """Upload a file once more as it is."""
        if (place := self.existing()) is not None:
            self.touch(*place, self.world.raw / self.path(*place))

    def _forget(self, unit: str, name: str) -> None:
        del self.model.raw[unit][name]
        if not self.model.raw[unit]:
            del self.model.raw[unit]

    def change_contract(self) -> None:
        """Deploy another contract; the rows are the same under all of them."""
        self.model.contract = self.dice.randrange(len(CONTRACTS))
        self.world.save(columns=CONTRACTS[self.model.contract])

    # ---- what runs do
    def run(self) -> None:
        self.settle(force=self.dice.random() < 0.2)

    def killed_run(self) -> None:
        step = self.dice.choice([*KILLABLE, "task"])
        count = f":{self.dice.randint(0, 3)}" if step in ("publish", "swept") else ""
        converter = self.dying_convert if step == "task" else convert
        self.patch.setenv(faults.VARIABLE, "" if step == "task" else f"{step}{count}")
        before, after = self.model.loaded, self.model.settled()
        try:
            self.world.run(converter=converter, run_id=self.dice.choice([None, "again"]))
        except (KilledError, SourceConflictError):
            pass  # some steps are not reached when there is nothing to publish or to sweep
        finally:
            self.patch.setenv(faults.VARIABLE, "")
        self.check_whole(before, after)
        self.check_fingerprints()
        self.check_digest(after)
        self.settle()

    def dying_convert(self, contract: DatasetContract, work: Sequence[UnitWork], run_id: str) -> list[UnitResult]:
        convert(contract, work[: self.dice.randint(0, len(work))], run_id)
        raise KilledError

    def pausing_convert(self, contract: DatasetContract, work: Sequence[UnitWork], run_id: str) -> list[UnitResult]:
        self.turns.pause()
        result = convert(contract, work, run_id)
        self.turns.pause()
        return result

    def two_runs(self) -> None:
        errors: list[BaseException] = []

        def start() -> None:
            try:
                self.world.run(converter=self.pausing_convert)
            except (ConcurrentRunError, SourceConflictError, StorageError):
                pass  # the loser says so, and files that vanish or change under a run are named
            except BaseException as error:
                errors.append(error)

        # What happens meanwhile: with `keep`, the result must not depend on which of the listings was loaded first.
        meanwhile = [self.upload] if self.model.keep else [self.upload, self.overwrite, self.delete, self.rename]

        def between() -> None:
            if self.dice.random() < 0.1:
                self.dice.choice(meanwhile)()

        self.turns.run([start, start], between)
        if errors:
            raise errors[0]
        self.check_fingerprints()
        self.check_digest(self.model.settled())
        self.settle()

    # ---- what must be true
    def check_whole(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        seen, old, new = self.world.rows(), Model.rows(before, False), Model.rows(after, False)
        for unit in {*seen, *old, *new}:
            assert seen.get(unit) in (old.get(unit), new.get(unit))

    def check_fingerprints(self) -> None:
        """Each partition holds exactly the rows of the versions of files that its manifest and fingerprint name."""
        seen = self.world.rows()
        made_with = "contract_fingerprint" if self.partitioned else "unit_contract_fingerprint"
        for values, partition in self.world.partitions().items():
            parameters = partition["Parameters"]
            units = json.loads(Path(parameters["manifest"]).read_text())["units"]
            sources = next(unit["sources"] for unit in units if "/".join(unit["values"]) == values)
            rows = [row for source in sources for row in self.contents[source["key"], source["etag"]]]
            assert seen[values] == sorted(row for row in rows if row != BAD)
            if not any(source["carried"] for source in sources):
                lines = sorted(f"{source['key']},{source['size']},{source['etag']}" for source in sources)
                text = "\n".join([*lines, parameters[made_with]])
                assert parameters["fingerprint"] == hashlib.sha256(text.encode()).hexdigest()

    def check_digest(self, after: dict[str, Any]) -> None:
        """If an execution would find nothing to do, there must be nothing to do."""
        contract = load_contract(str(self.world.config))
        if self.world.digest() == listing_digest(self.world.raw, contract.fingerprint):
            assert self.world.rows() == Model.rows(after, False)
            assert not self.model.conflicts

    def settle(self, force: bool = False) -> None:
        expected = self.model.settled()
        conflicts = set(self.model.conflicts)
        try:
            self.world.run(force=force)
        except SourceConflictError:
            assert conflicts
        else:
            assert not conflicts
        self.model.loaded, self.model.made_with = expected, dict(self.model.settled_with)
        assert self.world.rows() == Model.rows(expected, False)
        bad = self.world.rows("trips_quarantine", "raw_text")
        assert {unit: len(rows) for unit, rows in bad.items()} == {
            unit: len(rows) for unit, rows in Model.rows(expected, True).items()
        }
        contract = load_contract(str(self.world.config))
        digest = listing_digest(self.world.raw, contract.fingerprint)
        assert self.world.digest() == (None if conflicts else digest)
        if self.partitioned:
            assert set(self.world.partitions("raw_trips")) == set(self.model.raw)

    def check_swept(self) -> None:
        """A week later nothing without a name lies in the lake, but for what a lost manifest makes uncertain."""
        kept: set[str] = set()
        try:
            kept = set(self.world.run(later=timedelta(days=8)).kept_folders)
        except SourceConflictError:
            assert self.model.conflicts
            kept = {folder for folder in self.world.run_folders() if self.lost_a_manifest}
        named = set()
        for name in ("trips", "trips_quarantine"):
            named |= {item["StorageDescriptor"]["Location"] for item in self.world.partitions(name).values()}
        left = {
            folder
            for folder in self.world.run_folders() - named
            if folder.replace("/quarantine/", "/tables/") not in kept
        }
        assert left == set()
        assert named <= self.world.run_folders()
        assert not kept or self.lost_a_manifest

    def play(self) -> None:
        deeds = [self.upload] * 4 + [self.overwrite, self.put_back, self.delete, self.rename] + [self.run]
        deeds += [self.rename, self.upload_again]
        deeds += [self.killed_run] * 3 + [self.two_runs] * 3 + [self.lose_partitions, self.change_contract]
        deeds += [self.lose_catalog, self.lose_partition, self.lose_all_after_a_kill] + [self.damage] * 2
        deeds += [self.copy_lake, self.lose_manifest]
        for _ in range(3):
            self.upload()
        for _ in range(STEPS_PER_HISTORY):
            self.dice.choice(deeds)()
        self.settle()
        self.check_swept()


@pytest.fixture(autouse=True)
def no_real_death(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(faults, "die", die)
    monkeypatch.setenv(faults.VARIABLE, "")
    yield


@pytest.mark.random
@pytest.mark.parametrize("first", range(0, HISTORIES, PER_TEST))
def it_ends_in_exactly_the_right_table_whatever_happens(
    first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(first, first + PER_TEST):
        try:
            History(seed, tmp_path / str(seed), monkeypatch).play()
        except Exception as error:
            raise AssertionError(f"history {seed}: {type(error).__name__}: {error}") from error
