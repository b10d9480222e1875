# Two commands matter: `make demo` and `make test`. Each prepares the machine by itself.
PYTHON ?= python3
TERRAFORM ?= terraform
PORT ?= 4566
KEEP ?=
CONFIRM ?=
GLUE ?=

BIN := .venv/bin
PIP_BESIDE := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target
TF := $(BIN)/python -m scripts.terraform --
CONFIGURATIONS := . $(sort $(wildcard modules/*) $(wildcard examples/*)) scripts/smoke_pipeline
# These reach the shell as they are, quotes and blanks included.
export TERRAFORM CSV NAME DATES ENCODING

# What Glue 5.0, 5.1 and 6.0 run; requirements/spark-*.txt pins them.
SPARK_VERSIONS := 3.5.4 3.5.6 4.1.1

.PHONY: help check-python setup setup-test demo try smoke test check lint format docs test-rules test-terraform \
  test-python test-python-job test-python-others test-python-in-turn test-page test-e2e test-e2e-pipeline \
  test-e2e-others test-e2e-in-turn test-long test-spark-matrix bench lock clean \
  $(SPARK_VERSIONS:%=test-spark-%) $(SPARK_VERSIONS:%=test-sdk-%)

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

check-python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "set-up: Python 3.10 or newer is needed and '$(PYTHON)' is not on the PATH: make PYTHON=… names another"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
	  echo "set-up: Python 3.10 or newer is needed and $(PYTHON) is $$($(PYTHON) -V 2>&1 | sed -n 1p): make PYTHON=… names another"; exit 1; }

setup: check-python
	@$(PYTHON) scripts/bootstrap.py

setup-test: check-python
	@$(PYTHON) scripts/bootstrap.py --node --judge

demo: setup ## run the whole pipeline on real data with no AWS account (KEEP=1 leaves it running, PORT=…, VERBOSE=1: all states)
	@$(BIN)/python -m scripts.demo --port $(PORT) $(if $(KEEP),--keep)

smoke: setup ## ask AWS itself what only it can tell: costs cents in your account, asks first (CONFIRM=yes, GLUE=6.0)
	@$(BIN)/python -m scripts.smoke $(if $(CONFIRM),--confirm $(CONFIRM)) $(if $(GLUE),--glue $(GLUE))

try: setup ## your own CSV files through the whole pipeline: CSV=file, folder or pattern (NAME=, DATES=day|month, ENCODING=, KEEP=1, PORT=)
	@test -n "$$CSV" || { echo "try: say which files: make try CSV=path (a file, a folder, or a pattern in quotes)"; exit 1; }
	@$(BIN)/python -m scripts.try_csv --port $(PORT) $(if $(NAME),--name "$$NAME") $(if $(DATES),--dates "$$DATES") \
	  $(if $(ENCODING),--encoding "$$ENCODING") $(if $(KEEP),--keep) -- "$$CSV"

# The end-to-end tests mostly wait, so others run beside them; where make can, each prints in one piece.
IN_ONE_PIECE := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

test: setup-test ## every check and test, as CI runs them
	@$(MAKE) --no-print-directory lint
	@echo "Python's, end-to-end and all other tests side by side, about 16 minutes; each prints when it has ended"
	@$(MAKE) --no-print-directory -j4 $(IN_ONE_PIECE) test-python-job test-python-in-turn test-e2e-others test-e2e-in-turn
	@$(MAKE) --no-print-directory test-page

# As many goals as jobs, so that all begin at once, and none that goes on for minutes when the others have ended.
test-python-in-turn: setup
	@$(MAKE) --no-print-directory test-python-others
	@$(MAKE) --no-print-directory test-spark-4.1.1 SPARK_TESTS=tests/unit/engine RANDOM_CASES=300

test-e2e-in-turn: setup
	@$(MAKE) --no-print-directory test-e2e-pipeline
	@$(MAKE) --no-print-directory test-terraform
	@$(MAKE) --no-print-directory test-sdk-3.5.6

check: setup-test lint ## what to run before every commit: lint, rules, tests without Spark and servers
	@$(MAKE) --no-print-directory -j3 $(IN_ONE_PIECE) test-python-job test-python-others test-rules \
	  MARKED="not (spark or server or random)"

lint: setup ## ruff, mypy and terraform fmt
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(TF) fmt -check -recursive

format: setup ## put all code into the form that lint wants
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(TF) fmt -recursive

docs: setup ## write the generated parts of all pages
	$(BIN)/python -m scripts.docs

test-rules: setup ## what the inputs refuse and accept
	$(TF) -chdir=tests/rules init -backend=false -input=false -no-color >/dev/null
	$(TF) -chdir=tests/rules test

# The root's validate and test check every configuration that a run of tests/*.tftest.hcl names; the others are left.
test-terraform: test-rules ## terraform validate and test
	@for folder in $(CONFIGURATIONS); do \
	  ! grep -qF "source = \"./$$folder\"" tests/*.tftest.hcl || continue; \
	  echo "terraform validate $$folder"; \
	  $(TF) -chdir=$$folder init -backend=false -input=false -no-color >/dev/null || exit 1; \
	  $(TF) -chdir=$$folder validate -no-color || exit 1; \
	done
	$(TF) test

# Two halves: those of the job and its engine, and all others. MARKED chooses among both.
JOB_TESTS := tests/unit/engine tests/unit/job
MARKED :=

test-python: test-python-job test-python-others ## unit tests and the checks of the rendered state machine

test-python-job: setup
	$(BIN)/python -m pytest $(JOB_TESTS) -m "$(MARKED)"

test-python-others: setup-test
	$(BIN)/python -m pytest tests/unit tests/local_aws tests/asl tests/cluster $(JOB_TESTS:%=--ignore=%) -m "$(MARKED)"

test-page: check-python ## the report's page in a headless Chromium (CHROMIUM=path names another); pictures in build/page
	@$(PYTHON) scripts/bootstrap.py --browser
	$(BIN)/python -m pytest tests/browser

# Two halves that share no folder of Terraform: those of tests/e2e/pipeline and all others.
E2E_OF_PIPELINE := $(patsubst %,tests/e2e/test_%.py,disasters paths triggers volume)

test-e2e: test-e2e-pipeline test-e2e-others ## the demo and the other end-to-end flows on the local AWS

test-e2e-pipeline: setup
	$(BIN)/python -m pytest $(E2E_OF_PIPELINE) -m "not long"

test-e2e-others: setup
	$(BIN)/python -m pytest tests/e2e $(E2E_OF_PIPELINE:%=--ignore=%) -m "not long"

test-long: setup ## what takes minutes and is not needed for every change: before a release
	$(BIN)/python -m pytest tests/e2e -m long
	$(BIN)/python -m pytest tests/long

test-spark-matrix: $(SPARK_VERSIONS:%=test-spark-%) ## the job's tests with Spark and libraries of each Glue version (Python 3.10 or 3.11)

# The packages beside .venv come first on the path of the tests and of Spark's workers; what a list does not name comes
# from .venv. Servers are left out: the emulator wants the SDK of .venv. Spark 3.5 knows Python up to 3.11.
SPARK_TESTS ?= $(JOB_TESTS)
$(SPARK_VERSIONS:%=test-spark-%): test-spark-%: setup
	@$(BIN)/python -c 'import sys; sys.exit("$*" < "4" and sys.version_info >= (3, 12))' || { \
	  echo "test-spark-$*: Spark $* needs Python 3.10 or 3.11: make clean, then make PYTHON=python3.11 test-spark-$*"; exit 1; }
	@cmp -s requirements/spark-$*.txt build/spark-$*/requirements.txt || { \
	  rm -rf build/spark-$*; mkdir -p build/spark-$*; \
	  $(PIP_BESIDE) build/spark-$* -r requirements/spark-$*.txt && \
	  cp requirements/spark-$*.txt build/spark-$*/requirements.txt; }
	PYTHONPATH=build/spark-$* EXPECTED_LIBRARIES=build/spark-$*/requirements.txt \
	  $(BIN)/python -m pytest $(SPARK_TESTS) -m "not server"

# Of a Glue version's libraries the SDK alone, and of the job's tests those that talk to services or play one.
SDK_TESTS := $(patsubst %,tests/unit/job/test_%.py,glue_catalog publication report requests retries sources storage)
$(SPARK_VERSIONS:%=test-sdk-%): test-sdk-%: setup
	@mkdir -p build/sdk-$*
	@grep -E '^(boto3|botocore|s3transfer|jmespath|urllib3)==' requirements/spark-$*.txt > build/sdk-$*/wanted.txt
	@cmp -s build/sdk-$*/wanted.txt build/sdk-$*/requirements.txt || { \
	  rm -rf build/sdk-$*/packages; \
	  $(PIP_BESIDE) build/sdk-$*/packages -r build/sdk-$*/wanted.txt && \
	  cp build/sdk-$*/wanted.txt build/sdk-$*/requirements.txt; }
	PYTHONPATH=build/sdk-$*/packages EXPECTED_LIBRARIES=build/sdk-$*/requirements.txt \
	  $(BIN)/python -m pytest $(SDK_TESTS)

bench: setup ## measure the conversion against other engines, on a slow S3 and a late cluster (an hour; results in build/benchmarks)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/bench.in
	$(BIN)/python -m benchmarks.conversion
	$(BIN)/python -m benchmarks.shapes
	$(BIN)/python -m benchmarks.slow_s3
	$(BIN)/python -m benchmarks.late_cluster

lock: setup ## renew requirements/dev.txt from requirements/dev.in
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate \
	  requirements/dev.in -o requirements/dev.txt

clean: ## remove everything that was built
	rm -rf build .venv tests/asl/node_modules
