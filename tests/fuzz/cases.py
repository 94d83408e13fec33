"""Each kind of case: made from its seed, run, and held against what has to hold."""

import os
import re
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from unittest.mock import patch

from fuzz.command import Seen, sigmalake
from fuzz.configurations import make_configuration
from fuzz.held import broken_tables, broken_words
from fuzz.panels import make_panel
from fuzz.sections import broken_section

SECONDS = 120  # after which a case hangs


def panel_case(seed: int) -> list[str]:
    """What is wrong with the first run of the panel of a seed, and with a second one."""
    with _folder() as folder:
        panel = make_panel(seed, folder)
        seen = sigmalake("run", "--config", panel.config, "--engine", "local")
        broken = [*broken_words(seen), *broken_tables(panel.lake, seen, panel.rejected)]
        if seed % 4 == 0:
            again = sigmalake("run", "--config", panel.config, "--engine", "local")
            broken += [f"again: {text}" for text in broken_words(again)]
            if again.code != seen.code:
                broken.append(f"exit code {seen.code}, and {again.code} again")
            for verb in ("validate", "plan", "status", *(["evaluate"] if seen.code == 0 else [])):
                broken += [f"{verb}: {text}" for text in broken_words(sigmalake(verb, "--config", panel.config))]
        return [*broken, *_told(seen)] if broken else []


def configuration_case(seed: int) -> list[str]:
    """What is wrong with a run of the configuration of a seed."""
    with _folder() as folder:
        made = make_configuration(seed, folder)
        seen = sigmalake("run", "--config", made.config, "--engine", "local", *made.options)
        broken = [*broken_words(seen), *broken_tables(made.lake, seen)]
        if made.is_refused and seen.code != 2:
            broken.append(f"exit code {seen.code} of a configuration that the schema refuses")
        if seen.code == 2 and (tables := sorted(path.name for path in made.lake.glob("[!_]*"))):
            broken.append(f"exit code 2, and the lake has {tables}")
        for verb in ("validate", "plan"):
            broken += [f"{verb}: {text}" for text in broken_words(sigmalake(verb, "--config", made.config, *made.options))]
        return [*broken, *_told(seen)] if broken else []


def section_case(seed: int) -> list[str]:
    """What is wrong with the regression of the cross-section of a seed."""
    try:
        return broken_section(seed)
    except Exception as error:  # whatever it is, the other seeds go on
        return [f"{type(error).__name__}: {error}"]


def _told(seen: Seen) -> Iterator[str]:
    """What the run said, and of an error that it did not explain the end of the log."""
    yield seen.err
    for log in re.findall(r"the whole story is in (.+)", seen.err)[:1]:
        yield Path(log).read_text(encoding="utf-8")[-3000:]


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for a case, which may also read files of the user's cache only in there; one that hangs is an error."""

    def hangs(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"the case takes longer than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(SECONDS)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="sigmalake-fuzz-") as made,
            patch.dict(os.environ, {"SIGMALAKE_CACHE": f"{made}/cache"}),  # the tests after it have their own again
        ):
            yield Path(made)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


KINDS: dict[str, Callable[[int], list[str]]] = {"panel": panel_case, "configuration": configuration_case, "section": section_case}
