"""Mistakes in the configuration and on the command line: each is told in full, with exit code 2, before any JVM has started."""

import pytest
from small_panel import CONFIG, small_panel, swapped, written

FACTOR_COV = "factor_cov: {estimator: ewma, half_life: 2, window: 4, min_periods: 3}"
SECTOR = "{membership: sector, column: sector}"
STYLES = "{styles: [size, beta], as_given: true}"
COLUMNS = "{date: date, asset_id: symbol, ret: ret, cap: mcap}"
PATH = "path: panel.parquet"
TWO_PASSES = "regression: {{weights: inverse_specific_var, two_pass: {{{}}}}}\n"


def factor_cov(said: str) -> str:
    return swapped(FACTOR_COV, f"factor_cov: {{{said}}}")


def styles(rules: str) -> str:
    return swapped(STYLES, f"{{styles: {rules}}}")


CURRENCY = "ret: ret, currency: ccy"


def fx(columns: str, rule: str = "", without: str = "", beside: str = "") -> str:
    """Exchange rates, and other columns of the panel."""
    rates = f"exchange_rates: {{path: fx.csv, {rule or 'base: USD'}}}"
    return swapped(
        "  panel:", f"  {rates}{beside}\n  panel:", swapped("ret: ret", columns, swapped(without, "") if without else CONFIG)
    )


IN_THE_FILE = [
    # what is not YAML, or no configuration
    ("a file that is not YAML", "model: [a\nlake: b", "not YAML (line 2, column 5)", "expected ',' or ']'"),
    ("a tab for an indent", "model: m\nsources:\n\tpanel: x\n", "line 3", "spaces, not tabs"),
    ("an empty file", "", "is empty", "model, lake, sources and factors"),
    ("a file of comments only", "# later\n", "is empty"),
    ("a list instead of a configuration", "- a\n- b\n", "a list", "`key: value` lines"),
    ("text instead of a configuration", "hello", "'hello'", "`key: value` lines"),
    ("two documents in a file", f"{CONFIG}---\n{CONFIG}", "another document", "line 16"),
    ("an object of Python", CONFIG + "spark: !!python/object:os.system {}\n", "line 16", "python/object"),
    # keys
    ("an unknown key", CONFIG + "modell: x\n", "modell: unknown key", "did you mean `model`?", "'x'"),
    ("an unknown key deep down", swapped(PATH, "pth: x"), "sources.panel.pth: unknown key", "did you mean `path`?"),
    ("an unknown key of the regression", CONFIG + "regression: {weigths: cap}\n", "regression.weigths", "did you mean `weights`?"),
    ("an unknown key of an estimator", factor_cov("estimator: ewma, half_live: 84"), "half_live", "did you mean `half_life`"),
    ("a key that another estimator has", factor_cov("estimator: sample, half_life: 84"), "unknown key", "min_periods, ", "window"),
    ("a key given twice", CONFIG + "model: again\n", "'model' is given twice", "on line 1 and on line 16"),
    ("NO as a key", swapped(SECTOR, "{membership: country, columns: {US: us, NO: no}}"), "key NO on line 9", "false", "quotes"),
    ("a number as a key", swapped("  short:", "  60:"), "key 60", "write '60' in quotes"),
    ("a list as a key", CONFIG + "[1, 2]: x\n", "line 16", "keys are text"),
    # types and ranges
    ("a word for a number", CONFIG + "regression: {min_members: many}\n", "regression.min_members: must be a number", "'many'"),
    ("a word for a section", CONFIG + "regression: sqrt_cap\n", "regression: must be a section", "'sqrt_cap'"),
    ("a word for a list", swapped("[size, beta]", "size"), "entry 3 (styles): styles: must be a list", "'size'"),
    ("NO as a value", swapped("[size, beta]", "[size, NO]"), "styles.1", "must be text", "YAML reads NO", "quotes"),
    ("a number for a name", swapped(SECTOR, "{membership: gics, column: gics, levels: [10, 15]}"), "levels.0", "quotes", "10"),
    ("a key without a value", swapped("model: small", "model:"), "model: is empty"),
    # styles that are not as given
    (
        "a list of styles that are not as given",
        swapped("as_given: true", "as_given: false"),
        "entry 3 (styles): styles: styles that are not as given are a section, each with its rules: {size: {}, beta: {}}",
    ),
    ("rules for styles that are as given", swapped("[size, beta]", "{size: {}, beta: {}}"), "as_given: must be False", "True"),
    ("an unknown rule", styles("{size: {clip_beyon: 3}}"), "styles.size.clip_beyon: unknown key", "mean `clip_beyond`?"),
    ("a limit below 0", styles("{size: {remove_beyond: -1}}"), "styles.size: remove_beyond is -1.0", "or 0 for none"),
    ("an unknown rule for what is missing", styles("{size: {missing: mean}}"), "'reject', 'zero' or 'regress'", "'mean'"),
    ("a descriptor without weight", styles("{value: {descriptors: {book: 0}}}"), "the weight of book is 0.0", "> 0"),
    (
        "a style orthogonal to none that there is",
        styles("{size: {}, beta: {orthogonal_to: [sizes, sector, market]}}"),
        "styles.beta.orthogonal_to names sizes, market, neither a style nor a group of memberships",
        "the model has size, beta, sector",
    ),
    (
        "styles that are orthogonal to one another",
        styles("{size: {orthogonal_to: [beta]}, beta: {orthogonal_to: [size]}}"),
        "orthogonal_to goes round in a circle",
        "size -> beta",
    ),
    ("a style that is named twice", styles("{size: {}}, as_given: false}\n  - {styles: [size]"), "factor 'size' is named twice"),
    ("a missing section", "model: small\nlake: lake\n", "sources: is missing", "factors: is missing"),
    ("a negative min_members", CONFIG + "regression: {min_members: -3}\n", "min_members is -3.0", ">= 0"),
    ("outliers beyond nothing", CONFIG + "regression: {outliers_beyond: 0}\n", "outliers_beyond is 0.0", "> 0, e.g. 5"),
    ("a tuning that weighs most assets down", CONFIG + "regression: {huber: 0.5}\n", "huber is 0.5", ">= 0.7, e.g. 1.345"),
    ("a negative ridge", CONFIG + "regression: {ridge: -1}\n", "ridge is -1.0", ">= 0 and <= 1e+06, e.g. 0.01"),
    ("a ridge that leaves nothing", CONFIG + "regression: {ridge: 1.0e+300}\n", "ridge is 1e+300", "<= 1e+06"),
    ("two passes of one", CONFIG + "regression: {two_pass: {}}\n", "two_pass is given, and weights is sqrt_cap"),
    ("weights without a cap", CONFIG + TWO_PASSES.format("max_ratio: 0"), "max_ratio is 0.0", "finite number >= 1, e.g. 100"),
    ("a window of no variance", CONFIG + TWO_PASSES.format("window: 1"), "two_pass: window is 1", "2 periods or more"),
    ("an unknown key of two passes", CONFIG + TWO_PASSES.format("lags: 5"), "regression.two_pass.lags", "unknown"),
    ("an unknown rule for thin factors", CONFIG + "regression: {thin: merge}\n", "'keep', 'shrink' or 'drop'", "'merge'"),
    ("a share beyond 1", CONFIG + "checks: {max_coverage_drop: 20}\n", "checks.max_coverage_drop: must be 1", "20"),
    ("an unknown word", CONFIG + "regression: {weights: sqrtcap}\n", "'equal', 'column' or 'inverse_specific_var'", "'sqrtcap'"),
    ("a date that does not exist", swapped("variants: [short]", "dates: [2024-02-30]"), "dates.0", "YYYY-MM-DD", "2024-02-30"),
    ("a date where a list is meant", swapped("variants: [short]", "dates: 2024-02-28"), "last, month_end or a list of dates"),
    ("a list of no dates", swapped("variants: [short]", "dates: []"), "covariance.dates: is empty; give at least one"),
    ("a list of no assets", swapped("variants: [short]", "assets: []"), "covariance.assets: is empty; give at least one"),
    ("a list of no variants", swapped("variants: [short]", "variants: []"), "covariance.variants: is empty; give at least one"),
    ("an asset where a list is meant", swapped("variants: [short]", "assets: AAPL"), "a list of assets", "'AAPL'"),
    ("a setting that is a list", CONFIG + "spark: {spark.master: [1]}\n", "spark.master is [1]", "{spark.driver.memory: 8g}"),
    # the evaluation
    ("an unknown variant to evaluate", CONFIG + "evaluate: {variants: [shrot]}\n", "variants names shrot", "risk has short"),
    ("a rolling window of one", CONFIG + "evaluate: {rolling_window: 1}\n", "evaluate.rolling_window: must be 2", "1"),
    ("fewer than no portfolios", CONFIG + "evaluate: {test_portfolios: {random_active: -1}}\n", "random_active is -1", "0 or more"),
    # estimators
    ("an unknown estimator", factor_cov("estimator: garch"), "factor_cov.estimator: 'garch' is unknown", "'sample', 'ewma'"),
    ("no estimator", factor_cov("half_life: 84"), "factor_cov.estimator: is missing"),
    ("a negative half_life", factor_cov("estimator: ewma, half_life: -3"), "half_life is -3.0", "> 0, e.g. 84"),
    ("a half_life that is not a number", factor_cov("estimator: ewma, half_life: .nan"), "half_life is nan"),
    ("a huge half_life", factor_cov("estimator: ewma, half_life: 1.0e+300"), "window is 3e+300", "100,000 periods"),
    ("a window of one", factor_cov("estimator: sample, window: 1"), "window is 1", "2 periods or more"),
    ("min_periods beyond the window", factor_cov("estimator: sample, window: 60, min_periods: 61"), "is 61", "60 periods"),
    # factors and names
    ("weights by cap without caps", swapped(", cap: mcap", ""), "regression.weights is sqrt_cap", "`weights: equal`"),
    ("weights of a column without one", CONFIG + "regression: {weights: column}\n", "no `weight` column"),
    ("an unknown variant in covariance", swapped("[short]", "[long]"), "covariance.variants names long", "risk has short"),
    ("two factors of one name", swapped("[size, beta]", "[size, market]"), "factor 'market' is named twice"),
    ("two groups of one name", swapped(STYLES, "{membership: sector, column: industry}"), "factor group 'sector' is named twice"),
    ("two market factors", swapped(STYLES, "{market: world}"), "two `market:` entries"),
    ("no factor", swapped("[size, beta]", "[]"), "styles: is empty", "at least one"),
    ("an entry that is two kinds", swapped(STYLES, "{market: m, styles: [size]}"), "entry 3", "exactly one of"),
    ("a group with two forms", swapped(SECTOR, "{membership: s, column: a, map: b}"), "entry 2", "give one of `column:`"),
    ("a group called style", swapped("membership: sector", "membership: style"), "market and style are the model's own", "'style'"),
    ("a variant with a quote", swapped("  short:", '  "it\'s":'), '"it\'s"', "letters, digits, _ and - only"),
    ("a variant with a dot", swapped("  short:", "  a.b:"), "'a.b'", "e.g. monthly_60"),
    ("a factor without a name", swapped("market: market", 'market: ""'), "entry 1 (market): market", "a name is text"),
    ("a style with a blank before it", swapped("[size, beta]", '[size, " beta"]'), "styles.1", "without blanks", "' beta'"),
    ("one column for two things", swapped("ret: ret", "ret: mcap"), "`ret` and `cap` are both column 'mcap'"),
    # currencies
    ("currencies without exchange rates", swapped("ret: ret", "ret: ret, currency: ccy"), "`exchange_rates:`, and there are none"),
    ("exchange rates without currencies", fx("ret: ret"), "map the `currency` of each under sources.panel.columns"),
    ("exchange rates without a base", fx(CURRENCY, "base: null"), "sources.exchange_rates.base"),
    ("interest that nothing is hedged at", fx(CURRENCY, "base: USD, columns: {interest_rate: i}"), "say `hedged: true`"),
    ("one column of the exchange rates for two", fx(CURRENCY, "base: USD, columns: {rate: date}"), "column 'date' is named twice"),
    ("currencies of caps that are not there", fx(f"{CURRENCY}, cap_currency: ccy", "", ", cap: mcap"), "the column `cap`"),
    (
        "local caps in descriptors",
        fx(f"{CURRENCY}, cap_currency: ccy", "", "", f"\n  prices: {{{PATH}, columns: {{cap: mcap}}}}"),
        "`prices:` take caps as they stand",
    ),
    (
        "local returns in descriptors",
        fx(CURRENCY, "base: USD", "", f"\n  prices: {{{PATH}}}"),
        "`prices:` take returns as they stand",
    ),
    # places
    ("a missing source", CONFIG, "sources.panel: ", "panel.parquet does not exist"),
    ("a path and a table", swapped(PATH, f"{PATH}\n    table: a.b"), "`path:`", "`table:`", "both are given"),
    ("neither path nor table", swapped(f"{PATH}\n    ", ""), "sources.panel", "neither is given"),
    ("a panel and returns apart", swapped("  panel:", "  returns: {path: r.csv}\n  panel:"), "given: panel, returns"),
    ("returns without exposures", swapped("panel:", "returns:").replace(", cap: mcap", ""), "go together; given: returns"),
    ("a scheme without a host", swapped("panel.parquet", "s3:/bucket/panel"), "'s3:/bucket/panel' is not a path", "s3a://bucket/folder"),
    ("a web address", swapped("panel.parquet", "https://x.org/panel.parquet"), "https: cannot be read here", "download it"),
    ("a store that no reader has", swapped("panel.parquet", "hdfs://nn:8020/panel"), "hdfs: cannot be read here", "mount it"),
    ("a file system of Databricks", swapped("panel.parquet", "dbfs:/mnt/panel"), "dbfs: cannot be read here", "/dbfs/..."),
    ("a store that is no more", swapped("panel.parquet", "adl://account/panel"), "adl: cannot be read here", "abfss://"),
    ("a file of another machine", swapped("panel.parquet", "file://host/panel"), "file:///folder/file"),
    ("a workbook", swapped("panel.parquet", "panel.xlsx"), "panel.xlsx", "neither Parquet, CSV nor Delta"),
    ("a table without a schema", swapped(PATH, "table: prices"), "'prices' is not a table's name", "catalog.schema.name"),
    ("an unknown format", swapped(PATH, f"{PATH}\n    format: xlsx"), "sources.panel.format", "'parquet', 'csv' or 'delta'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), [pytest.param(text, words, id=name) for name, text, *words in IN_THE_FILE])
def test_a_mistake_in_the_file_is_told_with_its_place(asked, tmp_path, text, words):
    seen = asked("validate", "--config", written(tmp_path, text))
    assert seen.says("error: ", *words)
    assert (seen.exit_code, seen.out) == (2, "")


ON_THE_COMMAND_LINE = [
    ("--set without a value", ["--set", "regression"], "--set 'regression'", "a.b=c"),
    ("--set without a key", ["--set", "=3"], "--set '=3'", "regression.weights=equal"),
    ("--set with an empty part", ["--set", "risk..window=3"], "'risk..window=3'", "a.b=c"),
    ("--set that is not YAML", ["--set", "covariance.variants=[short"], "--set", "the value is not YAML"),
    ("--set below a value", ["--set", "model.name=x"], "model is the value 'small', not a section"),
    ("--set below a list", ["--set", "factors.0=x"], "factors is a list: set it whole"),
    ("--set of a mistake", ["--set", "risk.short.every=year"], "risk.short.every", "'day', 'week' or 'month'", "'year'"),
    ("a start that is no date", ["--start", "2024-13-01"], "--start '2024-13-01' is not a date", "YYYY-MM-DD"),
    ("a range reversed", ["--start", "2024-02-01", "--end", "2024-01-01"], "--start 2024-02-01 is after --end 2024-01-01"),
    ("a form of output that there is not", ["--output", "jsn"], "--output: 'jsn' is not one of 'text', 'json'; did you mean json?"),
    ("an unknown option", ["--strat", "2024-01-01"], "error: sigmalake run has no option --strat; did you mean --start?"),
    ("a wait that is no number", ["--wait", "soon"], "--wait: ", "(given: 'soon')"),
    ("an option without its value", ["--start"], "error: --start needs a value after it"),
    ("a flag with a value", ["--drop-variants=3"], "error: --drop-variants takes no value: write it alone"),
    ("a word too many", ["now"], "extra argument", "`sigmalake run --help` lists its options"),
    ("no time to wait", ["--wait", "-1"], "--wait", "greater than or equal to 0"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "words"), [pytest.param(options, words, id=name) for name, options, *words in ON_THE_COMMAND_LINE]
)
def test_a_mistake_on_the_command_line_is_told(asked, tmp_path, options, words):
    seen = asked("run", "--config", written(tmp_path), *options)
    assert seen.says(*words)
    assert (seen.exit_code, seen.out) == (2, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], "'run'? `sigmalake --help` lists the verbs"),
        (["run"], "error: sigmalake run needs --config FILE: the configuration, a YAML file or its URI"),
        (["portfolio"], "error: sigmalake portfolio needs FILE: "),
        (["report", "--lake", "x"], "error: sigmalake report needs --to "),
    ],
    ids=" ".join,
)
def test_a_command_that_lacks_something_is_told_in_one_line(asked, arguments, words):
    seen = asked(*arguments)
    assert seen.says(words)
    assert (seen.exit_code, seen.out, seen.err.count("\n")) == (2, "", 1)


def test_a_file_that_does_not_exist_is_told_with_the_folder_looked_in(asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = asked("run", "--config", "modle.yaml")
    assert seen.says("modle.yaml does not exist", str(tmp_path))
    assert seen.exit_code == 2


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"model: caf\xe9", "byte 0xe9 at position 10"), (b"PAR1\x00\x15\x04", "not YAML"), (CONFIG.encode("utf-16"), "UTF-8")],
    ids=["Latin-1", "a binary file", "UTF-16"],
)
def test_a_file_that_is_not_utf_8_is_told(asked, tmp_path, content, word):
    (tmp_path / "model.yaml").write_bytes(content)
    seen = asked("validate", "--config", tmp_path / "model.yaml")
    assert seen.says("model.yaml", word)
    assert seen.exit_code == 2


def test_a_folder_is_not_a_configuration(asked, tmp_path):
    seen = asked("validate", "--config", tmp_path)
    assert seen.says("is a folder")
    assert seen.exit_code == 2


def test_a_source_called_much_the_same_is_proposed(asked, tmp_path):
    small_panel().to_parquet(tmp_path / "panel_daily.parquet")
    seen = asked("ingest", "--config", written(tmp_path, swapped("panel.parquet", "panel_dialy.parquet")))
    assert seen.says("panel_dialy.parquet does not exist", "did you mean panel_daily.parquet?")
    assert seen.exit_code == 2


def test_every_mistake_of_a_file_is_told_at_once(asked, tmp_path):
    text = swapped("[size, beta]", "[size, 3]", swapped("market: market", "market: 7", CONFIG + "modell: x\nlakes: y\n"))
    seen = asked("validate", "--config", written(tmp_path, text))
    assert seen.says("modell", "did you mean `lake`?", "entry 1 (market)", "entry 3 (styles)")


def test_a_reused_section_of_yaml_and_a_norwegian_level_in_quotes_are_fine(tmp_path):
    from sigmalake.config.model import load_config

    text = swapped("  short:\n", "  base: &base {every: month}\n  short:\n    <<: *base\n")
    text = swapped(SECTOR, '{membership: country, column: country, levels: [US, "NO"]}', text)
    config = load_config(written(tmp_path, text), ["spark.spark.driver.memory=8g", "risk.base=null", "risk.base.every=week"])
    assert config.risk["short"].every == "month"
    assert config.memberships[0].levels == ["US", "NO"]
    assert config.spark == {"spark.driver.memory": "8g"}
    assert config.risk["base"].every == "week"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("file:/data/p.parquet", "/data/p.parquet"),
        ("file:///data/p.parquet", "/data/p.parquet"),
        ("s3a://bucket/p.parquet", "s3a://bucket/p.parquet"),
        ("abfss://c@a.dfs.core.windows.net/p.parquet", "abfss://c@a.dfs.core.windows.net/p.parquet"),
        ("gs://bucket/p.parquet", "gs://bucket/p.parquet"),
    ],
)
def test_places_are_read_as_they_are_meant(tmp_path, given, read):
    from sigmalake.config.model import load_config

    assert load_config(written(tmp_path, swapped("panel.parquet", given))).sources.panel.path == read


def test_the_evaluation_is_read_relative_to_the_file_and_is_no_part_of_what_is_released(tmp_path):
    from sigmalake.config.model import load_config

    path = written(tmp_path)
    plain = load_config(path)
    path.write_text(CONFIG + "evaluate: {portfolios: mine.csv, test_portfolios: {seed: 4}}\n")
    asked = load_config(path)
    assert asked.evaluate.portfolios == str(tmp_path / "mine.csv")
    assert asked.full_hash() == plain.full_hash()
    assert asked.evaluate_hash() != plain.evaluate_hash()


def test_a_folder_that_was_moved_is_no_other_model(tmp_path):
    from sigmalake.config.model import load_config

    hashes = []
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        config = load_config(written(tmp_path / name, swapped("variants: [short]", "assets: {file: assets.txt}")))
        assert config.covariance.assets.file == str(tmp_path / name / "assets.txt")
        hashes.append(config.full_hash())
    assert hashes[0] == hashes[1] != load_config(written(tmp_path)).full_hash()


def test_a_home_folder_is_expanded(tmp_path, monkeypatch):
    from sigmalake.config.model import load_config

    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_config(written(tmp_path, swapped("panel.parquet", "~/p.parquet"))).sources.panel.path == f"{tmp_path}/p.parquet"
