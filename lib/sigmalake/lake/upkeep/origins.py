"""What a release was made from: configuration, code, sources, as `runs` says; and what of it differs between two releases."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pyarrow as pa
import yaml

from sigmalake.config.staleness import PLACES
from sigmalake.lake.releases import Release

ORIGIN_COLUMNS = ("run_id", "stage", "status", "started_at", "finished_at", "config", "code_version", "source_versions")
_BESIDE = ("lake", "engine", "local", "spark", "retention", "evaluate")  # keys that no number of a release depends on
_SOURCE_STAGES = ("ingest", "describe")


class Origin(NamedTuple):
    """What a release was made from."""

    settings: Mapping[str, str]  # by dotted key, without places; none where the run is not on record
    code_version: str | None
    sources: Mapping[str, str]  # version by name, where it was known


class Difference(NamedTuple):
    """Something that two releases were not made from alike."""

    kind: str  # configuration, code or source
    detail: str

    @property
    def text(self) -> str:
        """In words."""
        return f"source {self.detail} changed" if self.kind == "source" else f"{self.kind}: {self.detail}"


def origins(runs: pa.Table, releases: Iterable[Release]) -> dict[str, Origin]:
    """What each release was made from.

    Args:
        runs: rows of `runs` with `ORIGIN_COLUMNS`.
        releases: of the same lake.
    """
    rows = sorted(runs.to_pylist(), key=lambda run: (run["started_at"], run["finished_at"] or run["started_at"]))
    last = {run["run_id"]: place for place, run in enumerate(rows)}
    return {release.release_id: _origin(rows[: last.get(release.run_id, -1) + 1]) for release in releases}


def differences(first: Origin, second: Origin) -> list[Difference]:
    """What two releases were not made from alike: keys of the configuration, the version of the code, sources that changed."""
    keys = sorted(first.settings.keys() | second.settings.keys()) if first.settings and second.settings else []
    changed = [(key, first.settings.get(key, "none"), second.settings.get(key, "none")) for key in keys]
    found = [Difference("configuration", f"{key}: {_short(a)} -> {_short(b)}") for key, a, b in changed if a != b]
    if first.code_version != second.code_version and None not in (first.code_version, second.code_version):
        found.append(Difference("code", f"{first.code_version} -> {second.code_version}"))
    names = sorted(first.sources.keys() & second.sources.keys())
    return found + [Difference("source", name) for name in names if first.sources[name] != second.sources[name]]


def settings_of(config: str) -> dict[str, str]:
    """A stored configuration, YAML, by dotted key; values as text."""
    flat = _flat("", {key: value for key, value in (yaml.safe_load(config) or {}).items() if key not in _BESIDE})
    return {key: text for key, text in flat if not (key.startswith("sources.") and key.rpartition(".")[2] in PLACES)}


def _origin(rows: list[dict[str, Any]]) -> Origin:
    """Of the runs up to the one that made the release, oldest first."""
    if not rows:
        return Origin({}, None, {})
    read = [run for run in rows if run["status"] == "done" and run["stage"] in _SOURCE_STAGES]
    sources: dict[str, str] = {}
    for run in read:
        sources |= dict(run["source_versions"] or ())
    return Origin(settings_of(rows[-1]["config"]), rows[-1]["code_version"], sources)


def _flat(prefix: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [pair for key, inner in value.items() for pair in _flat(f"{prefix}.{key}" if prefix else str(key), inner)]
    return [(prefix, yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("\n...\n").strip())]


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
