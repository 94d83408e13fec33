"""What README.md and the pages say is there: verbs, options, exit codes, tables, configuration keys with their defaults, files."""

import re
import shlex

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import sigmalake
from readme import PAGES, ROOT, TEXT, blocks, quoted, rows_under
from sigmalake import errors
from sigmalake.cli import app as cli
from sigmalake.cli.setup.runtime import DELTA_VERSION
from sigmalake.config.model import load_config
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.documentation import GROUPS, tables_page

VERBS = get_command(cli.app).commands


def options_of(verb):
    return {option for parameter in VERBS[verb].params for option in parameter.opts if option.startswith("--")}


def test_every_verb_is_documented_with_its_options():
    documented, verb = {}, ""
    for name, _, options in rows_under("| verb |"):
        verb = quoted(name)[0] if name else verb
        documented.setdefault(verb, set()).update(quoted(options))
    everywhere = {"--config", "--set", "--log-format"}
    fewer = {"schema": set(), **{verb: {"--log-format"} for verb in ("demo", "init", "presets")}}
    configured = {v: o | fewer.get(v, everywhere) for v, o in documented.items()}
    assert configured == {v: options_of(v) for v in VERBS}


def test_the_help_lists_every_verb():
    said = CliRunner().invoke(cli.app, ["--help"])
    assert said.exit_code == 0
    for name, _, _ in rows_under("| verb |"):
        assert not name or re.search(rf"^\W*{quoted(name)[0]}\b", said.output, re.MULTILINE), name


def commands():
    lines = "\n".join(blocks("bash") + blocks("text")).replace("\\\n", " ").splitlines()
    return [line.split("#")[0].strip() for line in lines]


def test_the_commands_name_verbs_options_and_files_that_exist():
    found = [match[1] for line in commands() if (match := re.search(r"(?:^|bin/)sigmalake (.*)", line))]
    assert len(found) >= 4
    for arguments in found:
        verb, *rest = shlex.split(arguments.split(">")[0])
        if verb == "VERB":
            continue
        assert {word for word in rest if word.startswith("--")} <= options_of(verb), arguments
    for line in commands():
        for path in re.findall(r"(?<![\w/])(?:scripts|jobs)/[\w.]+|conf/(?!mine)[\w.]+", line):
            assert (ROOT / path).is_file(), path


def test_verbs_in_the_text_exist():
    for code in re.findall(r"`([^`\n]+)`", TEXT):
        words = code.split()
        if words[0] == "sigmalake" and len(words) > 1 and words[1] != "VERB":
            assert words[1] in VERBS, code


def test_the_exit_codes_are_those_of_the_errors():
    documented = {int(row[0]) for row in rows_under("| exit code |")}
    classes = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.SigmalakeError)]
    assert documented == {0, 129, 130, 143, errors.WORK_TO_DO, errors.STALE} | {e.exit_code for e in classes}


def test_every_table_is_documented_with_its_key():
    documented = {quoted(name)[0]: tuple(quoted(key)) for name, key, _ in rows_under("| table | key |")}
    assert documented == {table.name: table.key for table in ALL_TABLES}


def test_the_page_of_tables_is_written_from_the_declarations():
    page = (ROOT / "docs/tables.md").read_text(encoding="utf-8")
    assert page == tables_page(), "python -m sigmalake.tables.documentation > docs/tables.md"
    assert sorted(table.name for _, tables in GROUPS for table in tables) == sorted(table.name for table in ALL_TABLES)
    for table in ALL_TABLES:
        section = page.split(f"\n### {table.name}\n")[1].split("\n### ")[0]
        assert re.findall(r"^\| `(\w+)` \| `[A-Z]", section, re.MULTILINE) == table.column_names


def test_the_configuration_of_the_readme_loads_and_names_the_columns_of_its_table(tmp_path):
    block = blocks("yaml", "README.md")[0]
    (tmp_path / "mine.yaml").write_text(block)
    config = load_config(tmp_path / "mine.yaml")
    assert config.lake == str(tmp_path / "lakes/mine")
    assert config.covariance_variants == ["daily"]
    named = {name for row in rows_under("| column | what it holds |") for name in quoted(row[0])}
    assert named == {*config.styles, "date", "symbol", "ret", "cap", "sector"}


@pytest.mark.parametrize("name", [*PAGES, "CONTRIBUTING.md"])
def test_links_lead_to_files(name):
    page = ROOT / name
    for target in re.findall(r"\]\((?!https:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).is_file(), target


def test_no_path_is_of_one_machine():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        assert not re.search(r"(?<![\w.])/(work|tmp|home|root|Users|mnt)/", page.read_text(encoding="utf-8")), page.name


def test_the_pages_name_the_present_versions():
    assert f"dist/sigmalake-{sigmalake.__version__}.zip" in TEXT
    assert f"jars/{DELTA_VERSION}/" in TEXT
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert versions[0] == sigmalake.__version__
