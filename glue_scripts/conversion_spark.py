"""Where tasks run on Spark: in shares of one Spark task each, with the modules that they need.

The driver converts, too, if it may: at once, what Spark has not been given yet.
"""

from __future__ import annotations

import marshal
import pkgutil
import sys
import threading
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, TypeVar
from zipimport import zipimporter

import pyarrow as pa

from conversion_plan import MEBIBYTE
from conversion_runners import AnyTask, Runner, Tasks, in_process, in_threads
from conversion_task import PartReport, TaskContext

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

# CSV that one Spark task converts in six to eight seconds, unless a single task of ours has more.
SHARE_BYTES = 1024 * MEBIBYTE
# All slots together are given the rest of the work divided by this, so one may be as many times slower than the others.
SPREAD = 1.5
# And at least so much, about a tenth of a second: executors are asked for by the number of tasks, and one that is
# started for less has nothing to do.
LEAST_SHARE_BYTES = 8 * MEBIBYTE
# The file that brings our modules to the workers.
MODULES = "csv_to_parquet_modules.zip"

# What is on its way to Spark cannot be called off before it has got there.
_CALLED_OFF_SECONDS = 0.1

_Share = TypeVar("_Share")
_Answer = TypeVar("_Answer")


def on_spark(spark: SparkSession, slots: int, driver_slots: int = 0) -> Runner:
    """Return a runner that shares the tasks out among Spark's; it raises SparkFailedError when Spark gives up.

    `slots` is how many tasks Spark will be able to run at the same time once all its executors are there, and
    `driver_slots` how many the driver converts itself from the first moment on. That is all of them where Spark has no
    more cores than that, those of this machine.

    An RDD and not a DataFrame: docs/benchmarks.md shows what mapInArrow costs, and no table goes through Spark here.
    """
    if driver_slots >= slots and (spark.sparkContext.master or "").startswith("local"):
        # Spark has no cores but the driver's, which need not wait for its workers.
        return in_threads(driver_slots)

    def run(context: TaskContext, tasks: Tasks) -> Iterable[PartReport]:
        if not tasks:
            return []
        if driver_slots:
            return _Together(spark, slots, driver_slots, context, tasks).reports()
        return collect(spark, shares_of(tasks, slots), partial(run_share, context))

    return run


class _Together:
    """Some tasks that the driver and Spark convert together: the driver begins, and Spark once it has workers.

    They come within seconds on a machine, and within minutes on a cluster.
    """

    def __init__(self, spark: SparkSession, slots: int, driver_slots: int, context: TaskContext, tasks: Tasks) -> None:
        self._spark, self._slots, self._driver_slots = spark, slots, driver_slots
        self._context, self._left = context, deque(tasks)
        self._lock = threading.Lock()
        # What Spark has made of its part, once it has been given one.
        self._of_spark: Future[list[PartReport]] = Future()

    def reports(self) -> Iterator[PartReport]:
        """Yield the reports of all tasks."""
        shares = len(shares_of(self._left, self._slots))
        spark = threading.Thread(target=self._use_spark, args=[min(shares, self._slots)], daemon=True)
        spark.start()
        try:
            yield from in_threads(self._driver_slots)(self._context, self._taken())
            with self._lock:
                waits = self._of_spark.running() or self._of_spark.done()
            if waits:
                yield from self._of_spark.result()
        finally:
            with self._lock:
                self._left.clear()
            while spark.is_alive():
                self._call_spark_off()
                spark.join(_CALLED_OFF_SECONDS)

    def _taken(self) -> Iterator[AnyTask]:
        """Yield what the driver is to convert next, until nothing is left."""
        while True:
            with self._lock:
                if not self._left:
                    return
                task = self._left.popleft()
            yield task

    def _use_spark(self, workers: int) -> None:
        """Wait until Spark has workers, give it its part, and wait for that."""
        try:
            collect(self._spark, range(workers), _wake)
            with self._lock:
                tasks = self._part_of_spark()
                if not tasks:
                    return
                self._of_spark.set_running_or_notify_cancel()
            self._of_spark.set_result(
                collect(self._spark, shares_of(tasks, self._slots), partial(run_share, self._context))
            )
        except BaseException as error:
            with self._lock:
                self._left.clear()
                self._of_spark.set_exception(error)

    def _part_of_spark(self) -> list[AnyTask]:
        """Take from what is left all but what the driver converts meanwhile, were its slots slower by SPREAD."""
        weight = sum(task.weight for task in self._left)
        part = SPREAD * self._slots / (self._driver_slots + SPREAD * self._slots)
        least = weight * (1 - part)
        tasks: list[AnyTask] = []
        while self._left and weight > least:
            tasks.append(self._left.popleft())
            weight -= tasks[-1].weight
        return tasks

    def _call_spark_off(self) -> None:
        """End what Spark does by now, which nobody waits for; where it cannot be told to, it is at its end."""
        from conversion_failures import SPARK_ERRORS

        with suppress(*SPARK_ERRORS):
            self._spark.sparkContext.cancelAllJobs()


def _wake(_: int) -> Iterator[None]:
    """Do nothing but import this module, with all that a task takes."""
    yield from ()


def collect(
    spark: SparkSession, shares: Sequence[_Share], work: Callable[[_Share], Iterable[_Answer]]
) -> list[_Answer]:
    """Return what some work yields for all shares, each in a Spark task; raise SparkFailedError when Spark gives up."""
    from conversion_failures import SPARK_ERRORS, spark_failure

    try:
        driver = spark.sparkContext
        share_modules(driver)
        answers: list[_Answer] = driver.parallelize(shares, len(shares)).flatMap(work).collect()
    except SPARK_ERRORS as error:
        # Without its cause: Glue shows the last exception, and the JVM's stack is in the log already.
        raise spark_failure(error) from None
    return answers


def shares_of(tasks: Iterable[AnyTask], slots: int) -> list[Tasks]:
    """Return the tasks, heaviest first, in shares of one Spark task each that get smaller and smaller.

    Between two of its tasks a slot of Spark idles for 0.05 to 0.1 s, and on S3 for about 0.4 s more, in which the last
    file is stored and the next one fetched. A share is a part of the bytes left at its turn, so that all slots are busy
    to the end (guided self-scheduling: Polychronopoulos and Kuck, https://doi.org/10.1109/TC.1987.5009495), and has
    limits: what is lost with an executor stays small, and none is started for next to nothing.
    """
    tasks = list(tasks)
    weights = [max(task.weight, 1) for task in tasks]
    left = sum(weights)
    shares: list[Tasks] = []
    first = weight = 0
    for position, added in enumerate(weights, 1):
        weight += added
        if weight >= min(max(left / (SPREAD * slots), LEAST_SHARE_BYTES), SHARE_BYTES) or position == len(tasks):
            shares.append(tasks[first:position])
            first, left, weight = position, left - weight, 0
    return shares


def run_share(context: TaskContext, tasks: Tasks) -> Iterator[PartReport]:
    """Run a share of the tasks in a worker of Spark."""
    use_one_thread()
    yield from in_process(context, tasks)
    _forget_zip_importers()


def use_one_thread() -> None:
    """Let Arrow have one thread: Spark runs as many tasks as there are cores."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


def _forget_zip_importers() -> None:
    """Spare the next Spark task of this worker some hundredths of a second (docs/benchmarks.md).

    PySpark invalidates the import caches before every task, for which Python reads the directory of pyspark.zip again
    once per package imported from it. An importer that is not cached is made anew, from what is known, when needed:
    https://docs.python.org/3/library/sys.html#sys.path_importer_cache
    """
    for path, importer in list(sys.path_importer_cache.items()):
        if isinstance(importer, zipimporter):
            del sys.path_importer_cache[path]


def share_modules(driver: SparkContext) -> None:
    """Let the workers, also those that join later, import the modules that this process runs.

    A function is pickled by the name of its module, and what AWS says about `--extra-py-files` can be read as reaching
    the driver alone: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
    """
    from pyspark import SparkFiles

    if any(known.endswith(f"/{MODULES}") for known in driver.listFiles):
        return
    # Spark removes its folder of files when the session ends. A file must not lie at the place that it is copied to.
    path = Path(mkdtemp(dir=SparkFiles.getRootDirectory())) / MODULES
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in _module_files():
            archive.writestr(name, content)
    driver.addPyFile(str(path))


def _module_files() -> Iterator[tuple[str, bytes]]:
    """Yield the modules beside this one, which may lie in a folder or in a zip, as names and contents of files.

    What this process has loaded goes along compiled too, or every worker would compile it again; one of another version
    of Python takes the text. The header of a .pyc says here that nobody need look at the text:
    https://peps.python.org/pep-0552/
    """
    folder = Path(__file__).parent
    header = MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)
    for module in pkgutil.iter_modules([str(folder)]):
        spec = PathFinder.find_spec(module.name, [str(folder)])
        if module.ispkg or spec is None or not isinstance(spec.loader, (SourceFileLoader, zipimporter)):
            continue
        yield f"{module.name}.py", spec.loader.get_data(str(folder / f"{module.name}.py"))
        code = spec.loader.get_code(module.name) if module.name in sys.modules else None
        if code is not None:
            yield f"{module.name}.pyc", header + marshal.dumps(code)
