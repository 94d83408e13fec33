"""The lake of a size, which its stages build or find in the cache, so that a single stage may be measured again."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from bench.data import panel_of
from bench.sizes import SIZES, write_config

from sigmalake.config.model import Config, load_config
from sigmalake.engines.engine import Engine
from sigmalake.stages.context import new_run_id, writing
from sigmalake.stages.run import run_stage

TABLES = {
    "ingest": ["panel", "source_prints", "rejected_rows", "factors", "exposure_moments", "runs"],
    "regress": ["cross_sections", "factor_returns", "specific_returns", "exposure_stability"],
    "risk": ["risk_models", "factor_covariance", "specific_risk", "risk_diagnostics"],
    "covariance": ["asset_covariance", "covariance_builds"],
}
STAGES = tuple(TABLES)


class BenchLake:
    """A lake, and who opens an engine on it."""

    def __init__(self, size_name: str, cache: Path, engine: str, open_engine: Callable[[str], Engine]) -> None:
        self.size, self.open_engine = SIZES[size_name], open_engine
        self.panel = panel_of(self.size, cache)
        self.folder = cache / "lakes" / f"{size_name}-{engine}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lake = self.folder / "lake"
        self.config = self._configured("plain")

    def use(self, variant: str) -> None:
        """Estimate risk by another of `VARIANTS`."""
        self.config = self._configured(variant)

    def stage(self, name: str) -> None:
        """Do a stage; nothing of it is there yet."""
        engine = self.open_engine(str(self.lake))
        try:
            run_stage(writing(engine, self.config, new_run_id(), say=lambda text: print(text, file=sys.stderr)), name)
        finally:
            engine.close()

    def forget(self, name: str) -> None:
        """Take back a stage and all after it."""
        for stage in STAGES[STAGES.index(name) :]:
            for table in TABLES[stage]:
                shutil.rmtree(self.lake / table, ignore_errors=True)

    def _configured(self, variant: str) -> Config:
        path = self.folder / "model.yaml"
        return load_config(write_config(path, self.size, panel=self.panel, lake=self.lake, variant=variant))
