"""The names at the root: few, and loaded when they are asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

import sigmalake
from sigmalake.reader.open_release import open_release


def test_a_name_at_the_root_is_the_one_of_its_module():
    assert sigmalake.open_release is open_release
    assert set(sigmalake.__all__) <= set(dir(sigmalake))


def test_a_name_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(AttributeError, match=r"module 'sigmalake' has no attribute 'open_lake'; its names are .*open_release"):
        sigmalake.open_lake  # noqa: B018  # the access is what fails


def test_importing_the_package_imports_no_library():
    program = "import sys, sigmalake; print([n for n in ('pandas', 'pyarrow', 'deltalake', 'numpy') if n in sys.modules])"
    folder = Path(sigmalake.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": str(folder)}, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
