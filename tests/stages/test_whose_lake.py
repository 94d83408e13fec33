"""A lake belongs to its model's name, and the rows of its variants are not deleted in silence."""

import pytest

from sigmalake.demo.market import generate_market
from sigmalake.errors import ConfigError
from sigmalake.stages.context import new_run_id, writing
from sigmalake.stages.queries.plan import plan
from sigmalake.stages.run import run
from sigmalake.tables.packed import RISK_MODELS
from small_model import WINDOWS, Model, make_model


@pytest.fixture(scope="module")
def two_variants(tmp_path_factory) -> Model:
    market = generate_market(n_assets=20, n_dates=34, n_industries=2, n_styles=1, seed=5)
    model = make_model(market, tmp_path_factory.mktemp("two"))
    model.body["risk"] = {"short": WINDOWS["short"], "other": WINDOWS["short"]}
    del model.body["covariance"]
    return model.write(market.panel).run()


@pytest.fixture
def without_other(two_variants, tmp_path) -> Model:
    model = two_variants.copied_to(tmp_path)
    model.body["risk"] = {"short": WINDOWS["short"]}
    return model


def test_another_model_is_refused_before_anything_is_written(two_variants, tmp_path):
    model = two_variants.copied_to(tmp_path)
    before = model.versions()
    model.body["model"] = "another"
    for attempt in (model.run, model.plan):
        with pytest.raises(ConfigError, match="belongs to the model 'test', and the configuration is of 'another': name another"):
            attempt()
    assert model.versions() == before


def test_rows_of_a_variant_that_is_not_named_any_more_are_not_deleted_in_silence(without_other):
    before = without_other.versions()
    for attempt in (without_other.run, lambda: without_other.stage("risk")):
        with pytest.raises(ConfigError, match=r"has risk models of other, .*list it under `retired_variants:`, or run with --dr"):
            attempt()
    assert without_other.versions() == before
    (notes,) = (stage.notes for stage in plan(without_other.context()) if stage.stage == "risk")
    assert notes[0].startswith("all rows of other would be deleted: `risk:` does not name it; `run` needs --drop-variants")


@pytest.mark.parametrize("said_by", ["option", "configuration"])
def test_rows_of_a_variant_go_where_that_is_asked_for(without_other, said_by):
    model = without_other
    if said_by == "configuration":
        model.body["retired_variants"] = ["other"]
    engine = model.open_engine(model.body["lake"])
    run(writing(engine, model.config, new_run_id(), say=lambda _: None, drop_variants=said_by == "option"))
    assert set(model.rows(RISK_MODELS)["variant"]) == {"short"}
