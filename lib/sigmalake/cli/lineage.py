"""Events of OpenLineage: START when a run has its lake, then COMPLETE, FAIL or ABORT. Importing this needs its client.

A run reads sources and writes tables. The data sets of its events are these, with their columns and the rows that were counted. A
service that cannot be reached costs the run a warning, never its work.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from sigmalake import __version__
from sigmalake.cli.terminal import without_secrets
from sigmalake.config.model import Config
from sigmalake.config.sources import Location
from sigmalake.config.types import CATALOG_NAME
from sigmalake.errors import ConfigError, SigmalakeError, caused_by_interrupt, telling_line
from sigmalake.reader.exports.tools import tool
from sigmalake.stages.context import Context
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.declaration import Table
from sigmalake.tasks.sources.needed_columns import needed_columns

tool("openlineage.client", "sigmalake[lineage]", "`lineage:` of the configuration")

from openlineage.client import OpenLineageClient, event_v2, facet_v2  # noqa: E402 - where it lacks, the line above has said so
from openlineage.client.transport.console import ConsoleTransport  # noqa: E402

PRODUCER = f"pkg:pypi/sigmalake@{__version__}"


class Reporter:
    """Sends the events of runs of one model.

    Args:
        config: of the model, with a section `lineage:`.

    Raises:
        ConfigError: nothing says where events go, or the client does not understand what does.
    """

    def __init__(self, config: Config) -> None:
        logging.getLogger("openlineage").propagate = False  # a stack of every failed request; `_emit` says what failed
        event_v2.set_producer(PRODUCER)
        self._config = config
        self._namespace = "sigmalake" if config.lineage is None else config.lineage.namespace
        try:
            self._client = OpenLineageClient()
            to = self._client.transport
        except Exception as error:  # of its configuration: each transport has errors of its own
            raise ConfigError(f"lineage: OpenLineage's client refuses its configuration: {telling_line(error)}") from error
        if isinstance(to, ConsoleTransport):
            raise ConfigError(
                "lineage: nothing says where events go; set OPENLINEAGE_URL, or OPENLINEAGE_CONFIG to a file of the client's own"
            )

    @contextmanager
    def reporting(self, context: Context, verb: str) -> Iterator[None]:
        """Tell when the work in here begins and how it ends.

        Args:
            context: of the run.
            verb: that runs.
        """
        job = event_v2.Job(self._namespace, f"{self._config.model}.{verb}")
        ours = facet_v2.tags_run.TagsRunFacetFields("sigmalake_run_id", context.run_id, "sigmalake")
        facets = {
            "tags": facet_v2.tags_run.TagsRunFacet([ours]),
            "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet(
                version=__version__, name=f"sigmalake, engine {context.engine.name}"
            ),
        }
        run = event_v2.Run(str(uuid5(NAMESPACE_URL, f"{context.lake.root}#{context.run_id}")), facets)
        self._emit(context, "START", run, job)
        try:
            yield
        except BaseException as error:
            if caused_by_interrupt(error):
                self._emit(context, "ABORT", run, job)
            else:
                run.facets["errorMessage"] = facet_v2.error_message_run.ErrorMessageRunFacet(_message(error), "PYTHON")
                self._emit(context, "FAIL", run, job)
            raise
        self._emit(context, "COMPLETE", run, job)

    def _emit(self, context: Context, state: str, run: event_v2.Run, job: event_v2.Job) -> None:
        inputs = [self._input(name, place, _rows_read(context, name)) for name, place in self._config.sources.locations().items()]
        outputs = [self._output(context, table) for table in ALL_TABLES if context.lake.written(table)]
        event = event_v2.RunEvent(
            eventTime=datetime.now(UTC).isoformat(), eventType=event_v2.RunState[state], producer=PRODUCER,
            run=run, job=job, inputs=inputs, outputs=outputs,
        )  # fmt: skip
        try:
            self._client.emit(event)
        except Exception as error:  # of the network, the disk, a broker: the model does not depend on them
            context.warn(f"lineage: the event {state} could not be sent: {telling_line(error)}")

    def _input(self, name: str, place: Location, rows: int | None) -> event_v2.InputDataset:
        fields = [
            facet_v2.schema_dataset.SchemaDatasetFacetFields(column, description=use.holds)
            for column, use in needed_columns(self._config, name).items()
        ]
        counted = {}
        if rows is not None:
            counted["inputStatistics"] = facet_v2.input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rows)
        return event_v2.InputDataset(
            *self._named(place.where),
            facets={"schema": facet_v2.schema_dataset.SchemaDatasetFacet(fields)},
            inputFacets=counted,
        )

    def _output(self, context: Context, table: Table) -> event_v2.OutputDataset:
        fields = [
            facet_v2.schema_dataset.SchemaDatasetFacetFields(column.name, column.type, column.comment) for column in table.columns
        ]
        facets = {
            "schema": facet_v2.schema_dataset.SchemaDatasetFacet(fields),
            "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet(str(context.lake.version(table))),
        }
        written = [one.contents for one in context.lake.written(table)]
        counted = {}
        if all(contents is not None for contents in written):
            rows = sum(content.rows for contents in written if contents is not None for content in contents.values())
            counted["outputStatistics"] = facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rows)
        joint = "." if CATALOG_NAME.fullmatch(context.lake.root) else "/"
        return event_v2.OutputDataset(*self._named(f"{context.lake.root}{joint}{table.name}"), facets=facets, outputFacets=counted)

    def _named(self, place: str) -> tuple[str, str]:
        """Namespace and name of a data set, as OpenLineage's page on naming has them."""
        if CATALOG_NAME.fullmatch(place):
            return self._namespace, place
        if "://" not in place:
            return "file", place
        parts = urlsplit(place)
        return f"{'s3' if parts.scheme == 's3a' else parts.scheme}://{parts.netloc}", parts.path.strip("/")


def _rows_read(context: Context, source: str) -> int | None:
    """The rows of a source that this run read, by its account; both sides of a panel are of the same rows."""
    lines = (line for result in context.results if result.outcome for line in result.outcome.account or ())
    return max((line.rows_in for line in lines if line.source.partition(".")[0] == source), default=None)


def _message(error: BaseException) -> str:
    return without_secrets(str(error) if isinstance(error, SigmalakeError) else f"{type(error).__name__}: {telling_line(error)}")
