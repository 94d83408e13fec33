"""The panel as pandas makes it: X(t-1) beside r(t), date by date, in a loop."""

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd

FACTS = ("exposure_date", "return_date", "exposures_age", "n_assets", "n_returns", "n_unmatched")
ARRAYS = ("asset_id", "ret", "cap", "in_estimation", "styles", "member_assets", "member_factors", "member_shares")


def expected_panel(
    exposures: pd.DataFrame,
    returns: pd.DataFrame,
    calendar: Sequence[date],
    shares: Sequence[str],
    styles: Sequence[str],
    source_of: Mapping[date, tuple[date, int]] | None = None,
) -> list[dict[str, object]]:
    """Rows of `panel`, without hashes: the market is factor 0, the columns of `shares` come next.

    Args:
        source_of: date and age of the exposures of each calendar date; by default its own, 1.
    """
    rows = []
    for number, day in enumerate(calendar):
        after = calendar[number + 1] if number + 1 < len(calendar) else None
        source, age = (day, 1) if source_of is None else source_of.get(day, (None, 0))
        x = exposures[exposures["date"] == source].sort_values("asset_id")
        r = returns[returns["date"] == after].set_index("asset_id")["ret"]
        matched = r.reindex(x["asset_id"])
        held = [(n, k, row[column]) for n, row in enumerate(x.to_dict("records")) for k, column in enumerate(shares) if row[column]]
        rows.append({
            "exposure_date": day, "return_date": after, "exposures_age": age, "n_assets": len(x),
            "n_returns": int(matched.notna().sum()), "n_unmatched": len(set(r.index) - set(x["asset_id"])),
            "asset_id": x["asset_id"].tolist(), "ret": [None if pd.isna(value) else value for value in matched],
            "cap": x["cap"].tolist() or None, "in_estimation": x["in_estimation"].tolist(),
            "styles": x[list(styles)].to_numpy().ravel().tolist(),
            "member_assets": [n for n, _, _ in held], "member_factors": [1 + k for _, k, _ in held],
            "member_shares": [share for _, _, share in held],
        })  # fmt: skip
    return rows
