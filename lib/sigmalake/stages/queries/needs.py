"""What a run on the local engine takes of a machine: memory of its processes, disk and time. Rough, and rather too much.

The constants are fitted to generated panels of `bench.sizes` on two cores: 126 dates x 300 assets, 504 x 1,000 (as a CSV file, too,
and with the layers of a preset), 90 x 5,000, 60 x 8,000 with 40 styles, 1,260 x 3,000, by one, two or four processes. Memory is the
peak over time of the proportional set sizes of all processes (`bench.measure`): the estimate of a run is 1.1 to 2 times as much.
Those of books are fitted to `bench.books`: 5,000 and 2,500 books x 252 dates, 5,000 x 126.
"""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from sigmalake.config.model import Config
from sigmalake.config.variant import Variant
from sigmalake.engines.local.engine import KEPT_IN_MEMORY
from sigmalake.engines.local.tables import PIECE_BYTES
from sigmalake.engines.local.workers import WORTH_A_PROCESS
from sigmalake.lake.data_files import FILE_BYTES as TABLE_FILE_BYTES
from sigmalake.lake.data_files import ROWS_A_GROUP
from sigmalake.stages.ingest import FILE_BYTES, LEAST_FILES
from sigmalake.stages.portfolios import DATES_A_PART
from sigmalake.stages.quality import LEAST_DATES as LEAST_MEASURED
from sigmalake.stages.quality import MOST_DATES as MOST_MEASURED
from sigmalake.stages.quality import TASK_BYTES
from sigmalake.stages.queries.model_size import ModelSize, SourceSize
from sigmalake.stages.regress import ASSET_BYTES
from sigmalake.stages.risk import EXPOSURES_BYTES, LEAST_DATES, MOST_DATES
from sigmalake.stages.sources.source_memory import FLAT_ROW_BYTES
from sigmalake.tables.descriptors import DESCRIPTORS
from sigmalake.tasks.asset_covariance import BLOCK

MAIN, WORKER, TASK = 230 << 20, 130 << 20, 32 << 20  # bytes of the run's own process, of another, of any task, without rows
WRITER = 3 * TABLE_FILE_BYTES  # of a process that writes rows of a table into files
NUMBER = 8  # bytes
OWN_COLUMNS = 4  # that ingest adds to those of a source: the file, and a hash a side
CHECKED, PARSED, PACKED, REGRESSED, KEPT = 6, 5, 8, 4, 2  # times what a task reads, of Arrow, of text; what waits to be packed
WINDOW_CELL = 240  # bytes of an asset on a date of a window
MEASURED, MEASURED_CELL, MEASURE_SECONDS = 3, 80, 1e-6  # of quality: times what a task reads; of an asset on a date
LONG_ROWS = 50  # bytes of an asset on a date in the tables of the regressions, as stored
IN_ROWS_BYTES, IN_ROWS_CELL = 8, 150  # bytes of an exposure in a row of its own, stored and while it is written
VALUE_SECONDS, FIT_SECONDS, RISK_SECONDS, LAYERS_SECONDS = 2.5e-7, 3e-6, 4e-6, 1e-5  # of a source's value; of an asset on a date
BOOK_ROW, BOOK_ARRAYS, MADE = 400, 4, 3  # bytes of a book on a date without arrays by factor, these arrays; times what is made
BOOK_DISK, BOOK_SECONDS = 1300, 1.1e-4  # bytes stored and seconds of a book on a date
DRAW_SECONDS, CELL_SECONDS, START_SECONDS = 2e-9, 8e-8, 2.0  # of a draw and K^3 of eigenfactors, of a cell of V, of a run
STEP = {"day": 1, "week": 5, "month": 21}  # dates

Part = Callable[[Config, ModelSize, int], "StageNeed"]


class StageNeed(NamedTuple):
    """What a stage takes."""

    stage: str
    reads: int = 0  # bytes that its tasks read: the run's own process reads a few alone
    held: int = 0  # bytes in the run's own process
    tasks: int = 1  # about how many there are
    task: int = TASK  # bytes of one at work, beside the file that it writes
    disk: int = 0  # bytes written to the lake
    scratch: int = 0  # bytes written to `local.scratch`, until the run ends
    seconds: float = 0.0  # of one core

    def memory(self, workers: int) -> int:
        """The peak of all processes, with so many workers."""
        alone = MAIN + self.held + self.task + WRITER
        if workers == 1:
            return alone
        return max(alone, MAIN + self.held + workers * WORKER + min(workers, self.tasks) * (self.task + WRITER))


class Need(NamedTuple):
    """What a run takes, whose stages come one after the other."""

    stages: tuple[StageNeed, ...]

    def memory(self, workers: int) -> int:
        """The peak of all processes, with so many workers."""
        return max((stage.memory(workers) for stage in self.stages), default=0)

    @property
    def disk(self) -> int:
        """Bytes written to the lake."""
        return sum(stage.disk for stage in self.stages)

    @property
    def scratch(self) -> int:
        """Bytes written to `local.scratch`."""
        return sum(stage.scratch for stage in self.stages)

    def seconds(self, workers: int) -> float:
        """From the start to the end."""
        return START_SECONDS + sum(s.seconds / (workers if s.reads >= WORTH_A_PROCESS else 1) for s in self.stages)


def need_of(config: Config, size: ModelSize, stages: Collection[str], rows: Mapping[str, int] | None = None) -> Need:
    """What some stages of a run take.

    Args:
        config: of the model.
        size: of it.
        stages: those that run; others than these seven take nothing to speak of.
        rows: by stage, of its packed table, that are computed: without any, it takes nothing. Disk and time are of these, memory
            of as many as a task has at most. None: what `size.n_fresh` dates make.
    """
    due = rows if rows is not None else {stage: _rows_of(config, stage, size.n_fresh) for stage in _STAGES}
    asked = [stage for stage in _STAGES if stage in stages and due.get(stage)]
    return Need(tuple(_STAGES[stage](config, size, due[stage]) for stage in asked))


def _rows_of(config: Config, stage: str, dates: int) -> int:
    """Rows of a stage's packed table that some dates make."""
    if stage == "portfolios":
        return sum(-(-dates // STEP[config.risk[name].every]) for name in config.book_variants) if config.books else 0
    if stage == "risk":
        return sum(-(-dates // STEP[variant.every]) for variant in config.risk.values())
    if stage == "covariance" and dates and (asked := config.covariance) is not None:
        listed = len(asked.dates) if isinstance(asked.dates, list) else 1 if asked.dates == "last" else -(-dates // STEP["month"])
        return listed * len(config.covariance_variants)
    return dates


def _ingest(config: Config, size: ModelSize, rows: int) -> StageNeed:
    styles = NUMBER * len(config.styles)
    flat = {source: source.rows * _row_bytes(source) for source in size.sources}
    held = sum(n_bytes for source, n_bytes in flat.items() if source.n_bytes <= KEPT_IN_MEMORY)
    reads = [max(CHECKED * s.split_rows * _row_bytes(s), PARSED * s.text_bytes) for s in size.sources]
    dates = max(1, min(FILE_BYTES // (FLAT_ROW_BYTES * size.n_assets), -(-size.n_dates // LEAST_FILES)))
    part = dates * size.n_assets * (styles + ASSET_BYTES)
    in_rows = len(config.styles) + len(config.memberships) + 1 if config.long_tables.exposures else 0  # of an asset on a date
    return StageNeed(
        "ingest",
        reads=sum(source.n_bytes for source in size.sources),
        held=KEPT * held,
        tasks=max(-(-size.n_dates // dates), *(-(-s.rows // max(1, s.split_rows)) for s in size.sources), 1),
        task=max(PACKED * part, *reads, IN_ROWS_CELL * in_rows * size.n_assets * ROWS_A_GROUP, TASK),
        disk=rows * size.n_assets * (styles + ASSET_BYTES // 2 + IN_ROWS_BYTES * in_rows),
        scratch=sum(flat.values()) - held,
        seconds=VALUE_SECONDS * sum(source.rows * source.columns for source in size.sources),
    )


def _row_bytes(source: SourceSize) -> int:
    return NUMBER * (source.columns + OWN_COLUMNS)


def _describe(config: Config, size: ModelSize, rows: int) -> StageNeed:
    """Prices are read as ingest reads, and estimated over windows as risk is."""
    if config.descriptors is None:
        return StageNeed("describe")
    date_bytes = size.n_assets * (NUMBER * len(DESCRIPTORS.columns) + ASSET_BYTES)
    read, found = _ingest(config, size, 0), _windows("describe", size, config.descriptors.look_back, date_bytes)
    return found._replace(
        reads=max(read.reads, found.reads), held=read.held, tasks=max(read.tasks, found.tasks), task=max(read.task, found.task),
        disk=rows * date_bytes, scratch=read.scratch, seconds=LAYERS_SECONDS * rows * size.n_assets,
    )  # fmt: skip


def _regress(config: Config, size: ModelSize, rows: int) -> StageNeed:
    date_bytes = size.n_assets * (NUMBER * len(config.styles) + ASSET_BYTES // 2)
    reads, rules = size.n_dates * date_bytes, config.regression
    piece = min(reads, max(PIECE_BYTES, ROWS_A_GROUP * date_bytes))
    windows = [config.residual_correlation.window, *([] if rules.two_pass is None else [rules.two_pass.look_back])]
    task = max(TASK + REGRESSED * piece, *(_windows("regress", size, window, 0).task for window in windows))
    return StageNeed(
        "regress",
        reads=reads,
        tasks=-(-reads // piece),
        task=task,
        disk=rows * size.n_assets * (LONG_ROWS + (NUMBER * size.n_factors if rules.portfolios else 0)),
        seconds=FIT_SECONDS * rows * size.n_assets * (1 if rules.two_pass is None else 2),
    )


def _quality(config: Config, size: ModelSize, rows: int) -> StageNeed:
    """Chunks of dates, each with returns and caps of the dates before it, and styles: as `stages.quality` cuts them."""
    date_bytes = size.n_assets * (NUMBER * len(config.styles) + ASSET_BYTES)
    dates = min(size.n_dates, MOST_MEASURED, max(LEAST_MEASURED, TASK_BYTES // date_bytes))
    cells = min(size.n_dates, config.checks.quality.reads + dates) * size.n_assets
    return StageNeed(
        "quality",
        reads=size.n_dates * date_bytes,
        tasks=-(-size.n_dates // dates),
        task=TASK + MEASURED * dates * date_bytes + MEASURED_CELL * cells,
        seconds=MEASURE_SECONDS * rows * size.n_assets,
    )


def _risk(config: Config, size: ModelSize, rows: int) -> StageNeed:
    variants = config.risk.values()
    row_bytes = size.n_assets * ASSET_BYTES + NUMBER * size.n_factors**2
    look_back = max((variant.look_back * (STEP["month"] if variant.by_month else 1) for variant in variants), default=0)
    found = _windows("risk", size, look_back, round(row_bytes * sum(1 / STEP[variant.every] for variant in variants)))
    exposures = 0
    if any(variant.specific_var.reads_exposures for variant in variants):
        exposures = min(EXPOSURES_BYTES, size.n_dates * size.n_assets * (NUMBER * len(config.styles) + ASSET_BYTES))
    seconds = max((_risk_seconds(variant, size) for variant in variants), default=0.0)
    return found._replace(task=found.task + exposures, disk=rows * row_bytes, seconds=rows * seconds)


def _risk_seconds(variant: Variant, size: ModelSize) -> float:
    """Of one row."""
    of_assets = LAYERS_SECONDS if variant.specific_var.reads_exposures else RISK_SECONDS
    return size.n_assets * of_assets + variant.factor_cov.simulations * DRAW_SECONDS * size.n_factors**3


def _windows(stage: str, size: ModelSize, look_back: int, date_bytes: int) -> StageNeed:
    """What is estimated over windows, in tasks of as-of dates with the dates before them: as `stages.risk` cuts them."""
    as_of = min(size.n_dates, MOST_DATES, max(LEAST_DATES, look_back // 2))
    cells = min(size.n_dates, look_back + as_of) * size.n_assets
    reads, made = size.n_dates * size.n_assets * ASSET_BYTES, as_of * date_bytes
    task = TASK + WINDOW_CELL * cells + 3 * made
    return StageNeed(stage, reads=reads, tasks=-(-size.n_dates // as_of), task=task)


def _covariance(config: Config, size: ModelSize, rows: int) -> StageNeed:
    asked = config.covariance
    if asked is None:
        return StageNeed("covariance")
    n_assets = min(size.n_assets, len(asked.assets)) if isinstance(asked.assets, list) else size.n_assets
    cells, block = rows * n_assets**2, NUMBER * min(n_assets, BLOCK) * n_assets
    return StageNeed(
        "covariance",
        reads=NUMBER * cells,
        tasks=max(1, rows) * -(-n_assets // BLOCK),
        task=TASK + 3 * (block + NUMBER * n_assets * size.n_factors),
        disk=NUMBER * cells * (4 if asked.cells else 1),
        seconds=CELL_SECONDS * cells,
    )


def _portfolios(config: Config, size: ModelSize, rows: int) -> StageNeed:
    """The source of books is read as ingest reads; then parts of dates are measured, each with all books."""
    if size.books is None:
        return StageNeed("portfolios")
    source, n_books = size.books
    flat = source.rows * _row_bytes(source)
    is_held = source.n_bytes <= KEPT_IN_MEMORY
    made = DATES_A_PART * len(config.book_variants) * n_books * (BOOK_ROW + BOOK_ARRAYS * NUMBER * size.n_factors)
    read = max(CHECKED * source.split_rows * _row_bytes(source), PARSED * source.text_bytes)
    return StageNeed(
        "portfolios",
        reads=source.n_bytes,
        held=KEPT * flat if is_held else 0,
        tasks=max(1, -(-rows // DATES_A_PART), -(-source.rows // max(1, source.split_rows))),
        task=max(TASK, read, TASK + MADE * made),
        disk=BOOK_DISK * rows * n_books,
        scratch=0 if is_held else flat,
        seconds=BOOK_SECONDS * rows * n_books,
    )


_STAGES: Mapping[str, Part] = {
    "describe": _describe, "ingest": _ingest, "quality": _quality, "regress": _regress, "risk": _risk, "covariance": _covariance,
    "portfolios": _portfolios,
}  # fmt: skip
