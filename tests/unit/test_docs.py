"""The generated parts of the pages say what the code says, and the rest names only what is there."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from scripts import docs
from scripts.docs_reference import Entry, read_reference
from scripts.docs_sections import DocsError, Section
from scripts.flights_data import write_monthly_csvs
from scripts.offline_plan import PlanError

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.parent for path in ROOT.glob("modules/*/main.tf"))
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/main.tf"))
# What Git keeps out is nobody's page.
PAGES = [path for path in sorted(ROOT.rglob("*.md")) if not {".venv", "build", "node_modules"} & {*path.parts}]
# The first folder of every path that a page may name between backticks.
FOLDERS = ("benchmarks", "docs", "examples", "glue_scripts", "local_aws", "modules", "scripts", "sfn", "tests")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


# ---------------------------------------------------------------------------------------------------------- up to date
def declared(kind: str, folder: Path) -> list[str]:
    """The names that a folder declares, found without a parser."""
    texts = [file.read_text() for file in sorted(folder.glob("*.tf"))]
    return [name for text in texts for name in re.findall(rf'^{kind} "(\w+)"', text, re.MULTILINE)]


def it_is_up_to_date() -> None:
    stale = docs.stale_pages([*docs.reference_sections(), *docs.map_sections(), *docs.smoke_sections()])
    assert list(stale) == [], "say something else than the code: make docs"


@pytest.mark.parametrize("folder", [*MODULES, *EXAMPLES], ids=lambda folder: folder.relative_to(ROOT).as_posix())
def it_names_all_inputs_and_outputs_and_nothing_else(folder: Path) -> None:
    page = (folder / "README.md").read_text()
    inputs, _, outputs = page.partition("\n## Outputs\n")
    first_cells = re.compile(r"^\| \[?`(\w+)`", re.MULTILINE)
    assert sorted(first_cells.findall(inputs)) == sorted(declared("variable", folder))
    assert sorted(first_cells.findall(outputs)) == sorted(declared("output", folder))


def it_names_all_inputs_and_outputs_of_the_root() -> None:
    for page in ("README.md", "docs/inputs-outputs.md"):
        text = (ROOT / page).read_text()
        for name in [*declared("variable", ROOT), *declared("output", ROOT)]:
            assert f"`{name}`" in text, f"{page}: {name}"


def it_has_a_line_in_the_map_for_every_module() -> None:
    page = (ROOT / docs.MAP).read_text()
    for path in [
        *ROOT.glob("glue_scripts/*.py"),
        *ROOT.glob("local_aws/**/*.py"),
        *ROOT.glob("scripts/*.py"),
        *MODULES,
    ]:
        if path.name != "__init__.py":
            room, _, name = path.relative_to(ROOT).as_posix().partition("/")
            assert f"\n| [`{name}`](../{room}/{name}) | " in page, f"{path} is not in the map"


# --------------------------------------------------------------------------------------------- what people wrote holds
def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them: lower case, without punctuation, hyphens for blanks."""
    headings = re.findall(r"^#+ (.*)$", CODE_BLOCK.sub("", page.read_text()), re.MULTILINE)
    kept = (
        "".join(c for c in heading.lower() if c in " -_" or unicodedata.category(c)[0] in "LN") for heading in headings
    )
    return {heading.replace(" ", "-") for heading in kept}


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """The places in this repository that a page leads to: file and anchor."""
    for target in LINK.findall(CODE_BLOCK.sub("", page.read_text())):
        if not re.match(r"\w+:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def it_leads_only_to_what_is_there(page: Path) -> None:
    for path, anchor in links(page):
        assert path.exists(), f"{page.name} leads to {path}"
        if anchor:
            assert anchor in anchors(path), f"{page.name} leads to {path.name}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def it_names_only_files_that_are_there(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        return
    for name in re.findall(r"`([\w./*-]+)`", CODE_BLOCK.sub("", page.read_text())):
        if name.split("/")[0] in FOLDERS and "/" in name:
            assert any(ROOT.glob(name.rstrip("/"))), f"{page.name} names {name}"


def it_answers_where_to_change_what() -> None:
    page = (ROOT / docs.MAP).read_text()
    table = page.split("\n## Where do I change what\n")[1].split("\n## ")[0]
    named = re.findall(r"`([\w./-]+\.(?:py|tf|md|tftpl))`(?: \(`(\w+)`)?", table)
    assert len(named) > 20
    for name, inside in named:
        files = [*ROOT.glob(name), *ROOT.glob(f"modules/*/{name}")]
        assert files, f"{name} does not exist"
        # What stands in brackets behind a file is written there, and not only used.
        assert not inside or re.search(rf"^(?:class )?\s*{inside}\b *[:=(]", files[0].read_text(), re.MULTILINE), inside


def it_explains_every_error_that_an_execution_can_end_with() -> None:
    texts = [file.read_text() for file in (ROOT / "sfn").rglob("*.*")]
    named = {name for text in texts for name in re.findall(r'"[Ee]rror": [^\n]*?"([A-Z]\w+)"', text)}
    assert len(named) > 15
    page = (ROOT / "docs/state-machine.md").read_text()
    assert {name for name in named if f"`{name}`" not in page} == set()


# They look like an option and are a member of a contract, a file, and a service.
NO_OPTIONS = {"workflow.job_run", "iam.tf", "glue.amazonaws.com"}


def it_names_only_options_that_there_are() -> None:
    """`workflow.timeouts.job_seconds` is an attribute of the variable that it begins with, and so are all others."""
    declared = "".join(file.read_text() for file in ROOT.glob("variables*.tf"))
    variable = re.compile(r'^variable "(\w+)" \{\n  type += (.*?)^  (?:nullable|default)', re.DOTALL | re.MULTILINE)
    options = {name: set(re.findall(r"(\w+) += ", kind)) for name, kind in variable.findall(declared)}
    options["csv"] = options["datasets"]
    named = {
        name
        for page in PAGES
        for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)(?: = [^`]*)?`", CODE_BLOCK.sub("", page.read_text()))
        if name.split(".")[0] in options and name not in NO_OPTIONS
    }
    assert len(named) > 30
    assert {name for name in named if not {*name.split(".")[1:]} <= options[name.split(".")[0]]} == set()


def it_explains_every_state_by_its_name() -> None:
    template = (ROOT / "sfn/etl_pipeline.asl.json.tftpl").read_text()
    states = set(re.findall(r'"([^"]+)": \{\s*"Type": "(?:Choice|Fail|Map|Pass|Succeed|Task|Wait)"', template))
    assert len(states) > 50
    # What is bold on this page is a state, be it written over two lines.
    bold = re.findall(r"\*\*([^*]+)\*\*", (ROOT / "docs/how-it-works.md").read_text())
    assert {" ".join(name.split()) for name in bold} == states


def it_explains_with_rows_of_the_demo(tmp_path: Path) -> None:
    """The rows of the page are in the demo's files, and its query says what DuckDB says of them."""
    write_monthly_csvs(tmp_path)
    page = (ROOT / "docs/how-it-works.md").read_text()
    names = re.findall(r"^.*`flights/flight_month=([\d-]+)/flights\.csv`:$", page, re.MULTILINE)
    blocks = re.findall(r"^```csv\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(names) == len(blocks) == 2
    shown: list[dict[str, str]] = []
    for month, block in zip(names, blocks, strict=True):
        with (tmp_path / f"flights/flight_month={month}/flights.csv").open(newline="") as file:
            there = list(csv.DictReader(file))
        for row in csv.DictReader(block.splitlines()):
            assert any(row.items() <= flight.items() for flight in there), row
            shown.append({**row, "flight_month": month})
    tables = [
        [line.strip("|").split("|") for line in table.splitlines() if not line.startswith("|---")]
        for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    ]
    (*_, loaded, answer) = [[[cell.strip() for cell in line] for line in table] for table in tables]
    wanted = [list(shown[0]), *([value.replace("NA", "null") for value in row.values()] for row in shown)]
    assert loaded == wanted
    (query,) = re.findall(r"^```sql\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    flights = pa.Table.from_pylist(shown)
    with duckdb.connect() as connection:
        connection.register("shown", flights)
        connection.execute(
            "CREATE VIEW flights AS SELECT * REPLACE (try_cast(arr_delay AS int) AS arr_delay) FROM shown"
        )
        found = connection.execute(query)
        assert found.description is not None
        said = [
            [column[0] for column in found.description],
            *([str(value) for value in row] for row in found.fetchall()),
        ]
    assert answer == said


OPERATIONS = ROOT / "docs/operations.md"
TROUBLESHOOTING = ROOT / "docs/troubleshooting.md"
RUN = re.compile(r"\[`(\w+)`\]\(\.\./(tests/[\w/.]+)\)")


@pytest.mark.parametrize("page", [OPERATIONS, TROUBLESHOOTING], ids=lambda page: page.stem)
def it_names_only_tests_that_are_there(page: Path) -> None:
    named = RUN.findall(page.read_text())
    assert len(named) > 20
    for name, path in named:
        head = f'run "{name}" {{' if path.endswith(".hcl") else f"def {name}("
        assert f"\n{head}" in (ROOT / path).read_text(), f"{path} has no {name}"


def it_says_of_every_procedure_which_test_runs_it() -> None:
    procedures = re.split(r"^## ", OPERATIONS.read_text(), flags=re.MULTILINE)[1:]
    assert len(procedures) > 10
    for procedure in procedures:
        parts = re.findall(r"^\*\*([\w ]+)\.\*\*", procedure, re.MULTILINE)
        title = procedure.splitlines()[0]
        assert parts == ["When", "Run", "You will see", "Test"], f"{title}: {parts}"
        test = procedure.split("**Test.**")[1]
        assert RUN.search(test), title


def it_runs_all_commands_of_a_procedure_word_for_word() -> None:
    """What has commands is taken from the page by the tests of the operations."""
    tests = "".join((ROOT / f"tests/e2e/test_{name}.py").read_text() for name in ("operations", "deployer"))
    sections = re.split(r"^## ", OPERATIONS.read_text(), flags=re.MULTILINE)[1:]
    with_commands = {section.splitlines()[0] for section in sections if re.search(r"^```(sh|sql)$", section, re.M)}
    assert len(with_commands) > 13
    assert {title for title in with_commands if f'"{title}"' not in tests} == set()


def it_lists_the_thirty_likeliest_mistakes_in_the_words_that_are_printed() -> None:
    sources = [*ROOT.glob("*.tf"), *ROOT.glob("sfn/*/*.jsonata"), *ROOT.glob("sfn/*.tftpl"), ROOT / "Makefile"]
    sources += [file for folder in ("glue_scripts", "local_aws", "scripts", "tests") for file in python_of(folder)]
    words = "".join(file.read_text() for file in sources).replace("\\", "")
    rows = [line.split(" | ") for line in TROUBLESHOOTING.read_text().splitlines() if line.startswith("| ")]
    assert len(rows) > 30
    for mistake, printed, *_ in rows:
        for piece in "…".join(re.findall("`([^`]+)`", printed)).split("…"):
            assert piece.strip() in words, f"{mistake}: nothing prints {piece!r}"


def python_of(folder: str) -> Iterator[Path]:
    """The Python files of a folder that are ours."""
    return (file for file in (ROOT / folder).rglob("*.py") if "node_modules" not in file.parts)


def it_fits_the_shop_window() -> None:
    page = (ROOT / "README.md").read_text()
    assert len(page.splitlines()) <= 200


def it_reckons_what_the_readme_says_it_costs() -> None:
    page = (ROOT / "README.md").read_text()
    # What an execution with nothing new crosses is measured there.
    own, datasets, views = re.search(  # type: ignore[union-attr]
        r"^IDLE_TRANSITIONS = (\d+) \+ 3 \* (\d+) \+ 4 \* (\d+)$",
        (ROOT / "tests/e2e/test_paths.py").read_text(),
        re.MULTILINE,
    ).groups()
    transitions = int(own) + 3 * int(datasets) + 4 * int(views)
    assert f"{own} + {datasets} x 3 + {views} x 4 = {transitions} transitions, 30 pages" in page
    transition, request, dpu_hour = (float(price) for price in re.findall(r" x (0\.\d+)", page)[:3])
    told = dict(re.findall(r"^\| (idle|1 GB|100 GB).*\| (0\.\d+)[^|]* \|$", page, re.MULTILINE))
    idle = transitions * transition + 30 * request
    daily = 60 * transition + 2 * (2 / 60) * dpu_hour
    first = 10 * (3 / 60) * dpu_hour
    assert {
        name: round(price, len(told[name]) - 2) for name, price in (("idle", idle), ("1 GB", daily), ("100 GB", first))
    } == {name: float(price) for name, price in told.items()}
    # Three minutes are one to start and the time for the bytes.
    seconds = 60 + 100_000 / (36 * 25)
    assert seconds == pytest.approx(180, rel=0.06)


def it_plans_every_example_in_a_test() -> None:
    tests = "".join(file.read_text() for file in (ROOT / "tests").rglob("*") if file.suffix in (".hcl", ".py"))
    for example in EXAMPLES:
        assert f"examples/{example.name}" in tests or f'"{example.name}"' in tests
        commands = "".join(CODE_BLOCK.findall((example / "README.md").read_text()))
        assert f"examples/{example.name}" in commands
        for file in re.findall(r"-var-file=(\S+)", commands):
            assert (example / file).is_file(), f"{example.name}: {file}"


# --------------------------------------------------------------------------------------------------------- usage blocks
def it_plans_the_usage_block_of_every_readme(tmp_path: Path) -> None:
    planned = docs.plan_usage(tmp_path)
    calls = {page: re.findall(r'^module "(\w+)"', block, re.MULTILINE) for page, block in docs.usage_blocks().items()}
    assert set(calls) == {"README.md", *(f"modules/{folder.name}/README.md" for folder in MODULES)}
    with_resources = {
        child["address"].split(".")[1] for child in planned["root_module"]["child_modules"] if size(child) > 0
    }
    # A module that only computes documents has nothing to plan.
    nothing = {folder for folder in MODULES if not declared('resource "\\w+"', folder)}
    wanted = [name for page, names in calls.items() if (ROOT / page).parent not in nothing for name in names]
    assert set(wanted) == with_resources
    # The blocks lie there as they stand in the pages, but for the source.
    assert terraform(tmp_path, "fmt", "-check", "-diff") == ""


def terraform(folder: Path, *arguments: str) -> str:
    """Run Terraform in a folder and return what it says, of differences and mistakes."""
    command = [sys.executable, "-m", "scripts.terraform", "--", f"-chdir={folder}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    return done.stdout + (done.stderr if done.returncode else "")


def size(module: dict[str, object]) -> int:
    """The number of resources that are planned in a module and in those it calls."""
    resources, children = module.get("resources", []), module.get("child_modules", [])
    assert isinstance(resources, list)
    assert isinstance(children, list)
    return len(resources) + sum(size(child) for child in children)


def it_names_the_latest_release_in_every_usage_block() -> None:
    releases = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    for page, block in docs.usage_blocks().items():
        assert f"?ref=v{releases[0]}" in block, page


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("# m\n\nNo block.\n", id="none"),
        pytest.param('# m\n\nx\n\n```hcl\nmodule "a" {\n  source = "../m"\n}\n```\n', id="another source"),
        pytest.param("# m\n\nx\n\n```hcl\na\n```\n\n```hcl\nb\n```\n", id="two"),
    ],
)
def it_refuses_a_readme_without_its_usage_block(tmp_path: Path, text: str) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(DocsError, match="needs one block of hcl"):
        docs.usage_blocks(tmp_path)


# ------------------------------------------------------------------------------------------------- reading Terraform
def read(folder: Path, **files: str) -> tuple[Entry, ...]:
    for name, text in files.items():
        (folder / f"{name.replace('_', '-')}.tf").write_text(text)
    return read_reference(folder).inputs


def it_reads_type_default_and_the_attributes_of_a_description(tmp_path: Path) -> None:
    text = (
        'variable "lake" {\n  type = object({\n    kind = optional(string)\n  })\n  default     = {}\n'
        "  description = <<-EOT\n    The lake. It has\n    - `kind`: sweet | salt, as in `\\d+\\.\\w`.\n  EOT\n\n"
        '  validation {\n    condition     = true\n    error_message = "none"\n  }\n}\n'
    )
    (entry,) = read(tmp_path, variables=text)
    assert (entry.name, entry.type, entry.default) == ("lake", "object", "{}")
    assert entry.description == "The lake. It has\n- `kind`: sweet | salt, as in `\\d+\\.\\w`."
    assert entry.summary == "The lake."
    assert not entry.is_told_by_its_summary


@pytest.mark.parametrize(
    ("written", "shown"),
    [("null", "null"), ("true", "true"), ("5", "5"), ('"a"', '"a"'), ('["a"]', '["a"]'), ("{}", "{}")],
)
def it_shows_a_default_as_it_is_written(tmp_path: Path, written: str, shown: str) -> None:
    (entry,) = read(
        tmp_path, variables=f'variable "a" {{\n  type = any\n  default = {written}\n  description = "A."\n}}'
    )
    assert entry.default == shown


def it_takes_a_variable_without_default_for_required(tmp_path: Path) -> None:
    text = 'variable "name" {\n  type        = string\n  description = "The \\"name\\"."\n}\n'
    (entry,) = read(tmp_path, variables=text)
    assert (entry.default, entry.summary, entry.is_told_by_its_summary) == (None, 'The "name".', True)


def it_reads_variables_before_those_of_a_concern(tmp_path: Path) -> None:
    text = 'variable "{0}" {{\n  type = string\n  description = "It is {0}."\n}}\n'
    entries = read(tmp_path, variables_datasets=text.format("b"), variables=text.format("a"), main=text.format("z"))
    assert [entry.name for entry in entries] == ["z", "a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('variable "name" {\n  type = string\n}\n', "variable name has no description"),
        ('variable "name" {\n  description = "A name."\n}\n', "variable name has no type"),
        ('output "name" {\n  value = 1\n}\n', "output name has no description"),
        ('variable "name" {\n  type =\n}\n', "variables.tf: "),
    ],
)
def it_says_what_is_wrong_with_a_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DocsError, match=message):
        read(tmp_path, variables=text)


# ----------------------------------------------------------------------------------------------------------- sections
SECTION = Section("page.md", "lines", "new")


def it_replaces_only_what_stands_between_the_markers() -> None:
    placed = SECTION.place(f"before\n{SECTION.begin}\nold\n{SECTION.end}\nafter\n")
    assert placed == f"before\n{SECTION.begin}\nnew\n{SECTION.end}\nafter\n"
    assert SECTION.place(placed) == placed


@pytest.mark.parametrize(
    "document", ["", SECTION.begin, f"{SECTION.end}{SECTION.begin}", f"{SECTION.begin}{SECTION.begin}{SECTION.end}"]
)
def it_refuses_a_document_without_its_markers(document: str) -> None:
    with pytest.raises(DocsError, match=r"page\.md needs"):
        SECTION.place(document)


def it_finds_a_page_stale_when_the_code_has_changed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{SECTION.begin}\nnew\n{SECTION.end}\n")
    assert docs.stale_pages([SECTION], tmp_path) == {}
    page.write_text(f"{SECTION.begin}\nold\n{SECTION.end}\n")
    assert docs.stale_pages([SECTION], tmp_path) == {"page.md": f"{SECTION.begin}\nnew\n{SECTION.end}\n"}
    page.unlink()
    with pytest.raises(DocsError, match=r"page\.md does not exist"):
        docs.stale_pages([SECTION], tmp_path)


@pytest.mark.parametrize("text", ["", "# m\n", "Says nothing of its name.\n\nx\n"])
def it_refuses_a_module_whose_readme_does_not_say_what_it_is_for(tmp_path: Path, text: str) -> None:
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(DocsError, match="must begin with a title"):
        docs.purpose_of_terraform(tmp_path)


def it_refuses_a_python_module_without_a_docstring(tmp_path: Path) -> None:
    (tmp_path / "silent.py").write_text("x = 1\n")
    with pytest.raises(DocsError, match=r"silent\.py has no docstring"):
        docs.purpose_of_python(tmp_path / "silent.py")


# --------------------------------------------------------------------------------------------------- the command line
@pytest.fixture
def one_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one page with one section, which is out of date."""
    page = tmp_path / "page.md"
    page.write_text(f"{SECTION.begin}\nold\n{SECTION.end}\n")
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    monkeypatch.setattr(docs, "all_sections", lambda: [SECTION])
    monkeypatch.setattr(docs, "stale_pictures", dict)
    return page


def it_says_which_page_is_out_of_date_and_leaves_it(one_section: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = one_section.read_text()
    assert docs.main(["--check"]) == 1
    assert capsys.readouterr().err == "docs: page.md is out of date: make docs\n"
    assert one_section.read_text() == before


def it_writes_the_page_and_is_content_then(one_section: Path) -> None:
    assert docs.main([]) == 0
    assert "\nnew\n" in one_section.read_text()
    assert docs.main(["--check"]) == 0


def it_ends_with_what_terraform_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refused() -> None:
        raise PlanError("terraform plan: no such argument")

    monkeypatch.setattr(docs, "planned_definition", refused)
    assert docs.main(["--check"]) == 1
    assert capsys.readouterr().err == "docs: terraform plan: no such argument\n"


# ------------------------------------------------------------------------------------------------------------- habits
def it_checks_before_a_commit_what_make_lint_checks() -> None:
    hooks = re.findall(r"^        entry: (.*)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    recipe = re.findall(r"^lint: .*\n((?:\t.*\n)+)", makefile, re.MULTILINE)[0].split("\n\t")
    commands = [line.strip().replace("$(TF)", "$(BIN)/python -m scripts.terraform --") for line in recipe]
    assert hooks == [command.replace("$(BIN)", ".venv/bin") for command in commands]


def it_pins_every_action_to_a_commit() -> None:
    uses = [
        line.split("uses:")[1].strip()
        for file in (ROOT / ".github/workflows").glob("*.yml")
        for line in file.read_text().splitlines()
        if "uses:" in line
    ]
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def collected(expression: str, path: str) -> set[str]:
    """The names of the tests below a path that have the marks of an expression."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-m", expression, path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    return set(re.findall(r"::(\w+)", done.stdout))


def it_leaves_to_make_test_what_starts_something() -> None:
    makefile = (ROOT / "Makefile").read_text()
    left_out = re.findall(r'^check: (?:.*\n\t)+.* MARKED="not \((.*)\)"$', makefile, re.MULTILINE)[0]
    assert collected(f"not ({left_out})", "tests/e2e") == set()
    assert len(collected(left_out, "tests/e2e")) > 20
    assert collected(f"not ({left_out})", "tests/cluster") == set()
    checked = collected(f"not ({left_out})", "tests/unit/engine/test_with_spark.py")
    assert "it_gives_spark_few_tasks_for_ten_thousand_small_partitions" in checked
    assert "it_gives_spark_exactly_the_declared_rows" not in checked
    assert "it_keeps_the_limits_of_batches" not in collected(
        f"not ({left_out})", "tests/local_aws/test_glue_catalog.py"
    )
