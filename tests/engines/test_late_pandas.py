"""pandas is loaded late, and Arrow knows its objects as if it had been there from the start."""

import subprocess
import sys

LATE = """
import sys
from sigmalake.engines.local.late_pandas import load_pandas_late
load_pandas_late()
import pyarrow as pa
import pyarrow.dataset
assert pa.array([1, None]).null_count == 1
assert "pandas" not in sys.modules
import importlib.util
assert importlib.util.find_spec("pandas") is not None  # who only looks does not load it
import pandas as pd
assert pa.array(pd.Series([1.0, float("nan")])).null_count == 1
assert pa.array(pd.Categorical(["a"])).type == pa.dictionary(pa.int8(), pa.string())
assert pa.table(pd.DataFrame({"a": [1]})).to_pandas()["a"].tolist() == [1]
before = list(sys.meta_path)
load_pandas_late()
assert sys.meta_path == before
"""


def test_arrow_knows_objects_of_a_pandas_that_is_loaded_late():
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
