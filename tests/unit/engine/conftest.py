"""Settings for the engine's tests."""

import os
import sys

# Spark starts its Python workers by this name; without it they would be whatever `python3` is on the PATH.
os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
