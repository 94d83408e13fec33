"""SQL views of the last release in a catalog, called `current_` and the name: each shows a table at the version that is pinned."""

from sigmalake.config.types import CATALOG_NAME
from sigmalake.errors import ConfigError, InfrastructureError
from sigmalake.lake.books import release_ledger
from sigmalake.lake.releases import Release
from sigmalake.lake.storage import SqlView
from sigmalake.numerics.windows.calendar import periods_per_year
from sigmalake.stages.context import Context
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.packed import PANEL, RISK_MODELS
from sigmalake.tables.views import CURRENT, VIEWS, Periods, select_of, views_of

MONTHS_A_YEAR = 12.0
_OURS = [f"{CURRENT}{name}" for name in (*(table.name for table in MODEL_TABLES), *(view.name for view in VIEWS))]


def refresh_views(context: Context) -> None:
    """Have the views of a catalog show the last release that stands; a lake elsewhere has no views.

    A release stands without them: where the catalog refuses views, this is said and nothing else.
    """
    root = context.lake.root
    if not CATALOG_NAME.fullmatch(root):
        return
    standing = release_ledger(context.lake).standing
    release_id = standing[-1].release_id if standing else ""
    try:
        shown = context.lake.show_views(_views(context, standing[-1]) if standing else [], _OURS, release_id)
    except (ConfigError, InfrastructureError) as error:
        context.say(f"warning: {root} has no views of {release_id or 'the releases'}: {error}")
        return
    if shown:
        context.say(f"views: {shown} views {root}.{CURRENT}... show {release_id}" if standing else f"views: {root} has none now")


def _views(context: Context, release: Release) -> list[SqlView]:
    root, versions = context.lake.root, release.tables
    tables = [table for table in MODEL_TABLES if table.name in versions]
    pinned = [f"SELECT * FROM {root}.{table.name} VERSION AS OF {versions[table.name]}" for table in tables]
    found = [SqlView(f"{CURRENT}{table.name}", table.comment, select) for table, select in zip(tables, pinned, strict=True)]
    declared, periods = views_of([table.name for table in tables]), _periods(context, release)
    names = {name: f"{root}.{CURRENT}{name}" for name in (*versions, *(view.name for view in declared))}
    return [*found, *(SqlView(f"{CURRENT}{view.name}", view.comment, select_of(view, names, periods)) for view in declared)]


def _periods(context: Context, release: Release) -> list[Periods]:
    """What the reader of a release says of its variants."""
    lake, versions = context.lake, release.tables
    if not release.variants or RISK_MODELS.name not in versions:
        return []
    rows = lake.columns(RISK_MODELS, ["variant", "date", "frequency"], version=versions[RISK_MODELS.name]).sort_by("date")
    frequency = dict(zip(rows.column("variant").to_pylist(), rows.column("frequency").to_pylist(), strict=True))
    days = lake.columns(PANEL, ["return_date"], version=versions[PANEL.name]).column(0).to_pylist()
    try:
        by_calendar = periods_per_year(sorted(day for day in days if day is not None))
    except ConfigError:
        by_calendar = None
    found = [(name, frequency.get(name) or "period") for name in release.variants]
    return [Periods(name, period, MONTHS_A_YEAR if period == "month" else by_calendar) for name, period in found]
