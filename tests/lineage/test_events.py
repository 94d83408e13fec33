"""Events of OpenLineage, as its own client writes them to a file: each fits the published schemas, and says what the run did."""

import json
from pathlib import Path

import pyarrow.dataset as ds
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from processes import small_model
from sigmalake.cli.contexts import writing_context
from sigmalake.cli.lineage import PRODUCER, Reporter
from sigmalake.config.model import load_config
from sigmalake.errors import ConfigError, DataError
from sigmalake.lake.log import open_table
from sigmalake.stages.run import run
from sigmalake.tables.catalogue import MODEL_TABLES

SCHEMAS = [json.loads(file.read_text()) for file in sorted((Path(__file__).parent / "schemas").glob("*.json"))]
REGISTRY = Registry().with_resources([(schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A small model with lineage, and the file of a client that appends to `events`."""
    folder = tmp_path_factory.mktemp("lineage")
    config = small_model(folder, n_assets=20, n_dates=24)
    config.write_text(config.read_text() + yaml.safe_dump({"lineage": {"namespace": "risk"}}))
    to = {"transport": {"type": "file", "log_file_path": str(folder / "events"), "append": True}}
    (folder / "client.yml").write_text(yaml.safe_dump(to))
    return folder


@pytest.fixture
def events(place, monkeypatch):
    """Reads what the client wrote since the last time."""
    monkeypatch.setenv("OPENLINEAGE_CONFIG", str(place / "client.yml"))

    def read():
        written = (place / "events").read_text().splitlines()
        (place / "events").unlink()
        return [json.loads(line) for line in written]

    return read


def lake_of(place, **options):
    return writing_context(place / "model.yaml", engine="local", **options)


def assert_fits(value, schema):
    Draft202012Validator({"$ref": schema}, registry=REGISTRY, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def facets_of(event):
    yield from event["run"]["facets"].values()
    for side, own in (("inputs", "inputFacets"), ("outputs", "outputFacets")):
        for dataset in event[side]:
            yield from dataset["facets"].values()
            yield from dataset.get(own, {}).values()


def test_a_run_tells_when_it_began_and_what_it_read_and_wrote(place, events):
    with lake_of(place) as context:
        run(context)
    began, ended = events()
    assert [event["eventType"] for event in (began, ended)] == ["START", "COMPLETE"]
    assert began["run"]["runId"] == ended["run"]["runId"]
    assert ended["job"] | {"facets": {}} == {"namespace": "risk", "name": "small.run", "facets": {}}
    assert ended["run"]["facets"]["tags"]["tags"][0]["value"] == context.run_id
    for event in (began, ended):
        assert_fits(event, event["schemaURL"])
        assert event["producer"] == PRODUCER
        for facet in facets_of(event):
            assert_fits(facet, facet["_schemaURL"])

    (panel,) = ended["inputs"]
    assert (panel["namespace"], panel["name"]) == ("file", str(place / "panel.parquet"))
    assert {"date", "asset_id", "ret", "cap"} <= {field["name"] for field in panel["facets"]["schema"]["fields"]}
    assert panel["inputFacets"]["inputStatistics"]["rowCount"] == ds.dataset(place / "panel.parquet").count_rows()
    assert began["outputs"] == []
    written = {Path(dataset["name"]).name: dataset for dataset in ended["outputs"]}
    counted = {name for name, dataset in written.items() if dataset["outputFacets"]}
    assert {"panel", "cross_sections", "factor_returns", "risk_models", "specific_risk", "asset_covariance"} <= counted
    for table in MODEL_TABLES:
        if (stored := open_table(str(place / "lake" / table.name))) is None:
            assert table.name not in written
            continue
        told = written[table.name]
        if table.name in counted:
            assert told["outputFacets"]["outputStatistics"]["rowCount"] == stored.to_pyarrow_dataset().count_rows()
        assert told["facets"]["version"]["datasetVersion"] == str(stored.version())
        assert [(field["name"], field["type"]) for field in told["facets"]["schema"]["fields"]] == [
            (column.name, column.type) for column in table.columns
        ]
    assert "releases" in written


def test_how_a_run_ends_is_told(place, events):
    with pytest.raises(DataError), lake_of(place, verb="regress"):
        raise DataError("no usable row")
    began, failed = events()
    assert (began["eventType"], failed["eventType"]) == ("START", "FAIL")
    assert failed["job"]["name"] == "small.regress"
    assert failed["run"]["facets"]["errorMessage"]["message"] == "no usable row"
    assert_fits(failed["run"]["facets"]["errorMessage"], failed["run"]["facets"]["errorMessage"]["_schemaURL"])
    with pytest.raises(KeyboardInterrupt), lake_of(place):
        raise KeyboardInterrupt
    assert [event["eventType"] for event in events()] == ["START", "ABORT"]


def test_a_service_that_cannot_be_reached_costs_a_warning(place, tmp_path, monkeypatch):
    away = {"transport": {"type": "file", "log_file_path": str(tmp_path / "gone/events"), "append": True}}
    (tmp_path / "client.yml").write_text(yaml.safe_dump(away))
    monkeypatch.setenv("OPENLINEAGE_CONFIG", str(tmp_path / "client.yml"))
    with lake_of(place) as context:
        pass
    assert [text.partition(" could")[0] for text in context.warnings] == ["lineage: the event START", "lineage: the event COMPLETE"]


def test_events_without_a_place_to_go_to_are_an_error_before_the_lake_is_taken(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    config = load_config(place / "model.yaml")
    with pytest.raises(ConfigError, match="nothing says where events go; set OPENLINEAGE_URL"):
        Reporter(config)
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "carrier_pigeon")
    with pytest.raises(ConfigError, match="OpenLineage's client refuses its configuration"):
        Reporter(config)
