"""What the page says it is of, at its head and at its end."""

from typing import NamedTuple

from sigmalake.lake.releases import Release
from sigmalake.report.page.markup import Html, element, prose, table
from sigmalake.report.verdict.evidence import Evidence
from sigmalake.report.verdict.finding import counted


class Titled(NamedTuple):
    """What the page says it is of."""

    model: str  # as the configuration calls it; empty: not on record
    lake: str | None  # folder or URI; None: the model is in memory
    release: Release

    @property
    def title(self) -> str:
        """Of the page."""
        what = "in memory" if self.lake is None else f"release {self.release.release_id}"
        return f"{f'{self.model}: ' if self.model else ''}factor risk model, {what}"

    @property
    def place(self) -> str:
        """Where the model is."""
        return "In memory" if self.lake is None else f"Lake {self.lake}"


def about_section(of: Titled, found: Evidence) -> Html:
    """The release by its id, checks, configuration, dates and versions of tables, and how it is opened from Python."""
    release = of.release
    rows = [
        ("Release", f"{release.release_id}, made {release.created_at:%Y-%m-%d %H:%M:%S} UTC, as of {release.as_of}"),
        (
            "Checks passed",
            "; ".join(f"{check.name}: {check.detail}" if check.detail else check.name for check in found.checks if check.passed)
            or "none",
        ),
        ("Configuration", f"hash {release.config_hash}"),
        ("Dates", f"{found.scope.first} to {found.scope.last}, {counted(len(found.regressions), 'regression')}"),
        ("Tables", ", ".join(f"{name} {version}" for name, version in sorted(release.tables.items()))),
    ]
    opened = f"from sigmalake import open_release\nmodel = open_release({of.lake!r}, {release.release_id!r})"
    if of.lake is None:
        opened = "model = fit(...)  # the model in memory that wrote this page\nmodel.save(FOLDER)  # keeps it as a lake"
    return element(
        "section",
        element("h2", "About this report"),
        element(
            "p",
            prose(
                "Every number is read from the release named here, whose tables do not change. `docs/tables.md` describes "
                "them; the versions are those of Delta."
            ),
        ),
        table(["", ""], rows, left=(0, 1)),
        element("p", "The same tables and pictures from Python:"),
        element("pre", opened),
        id="about",
        class_="page",
    )
