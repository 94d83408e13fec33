"""The examples run as a user runs them: the command line, on the local engine."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable

from sigmalake.cli import app as cli
from sigmalake.cli import engines
from sigmalake.lake.log import open_table, read_columns

CONF = Path(__file__).parents[2] / "conf"


class CommandLine:
    """`sigmalake VERB --config conf/FILE ...`, what it prints, and the tables that it leaves."""

    def __init__(self, config: str, lake: Path, overrides: tuple[str, ...] = ()) -> None:
        self.config, self.lake = CONF / config, lake
        self._set = [f"--set={override}" for override in (f"lake={lake}", *overrides)]

    def __call__(self, verb: str, *options: str) -> str:
        printed = StringIO()
        with redirect_stdout(printed):
            cli.app([verb, "--config", str(self.config), *self._set, *options], standalone_mode=False)
        return printed.getvalue()

    def table(self, name: str) -> pd.DataFrame:
        """A table's rows."""
        log = open_table(f"{self.lake}/{name}")
        assert isinstance(log, DeltaTable)
        return read_columns(log, [field.name for field in log.schema().fields]).to_pandas()


@pytest.fixture(scope="module")
def command_line():
    """Makes a `CommandLine`; its commands run on the local engine, as on a machine without Spark."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "_spark_at_hand", lambda: None)
        yield CommandLine
