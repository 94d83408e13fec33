"""The numbers of a model that are compared: in which table they are, and how they are read."""

from collections.abc import Mapping
from typing import NamedTuple

from sigmalake.reader.releases import rows
from sigmalake.reader.storage.model_tables import EXPOSURE_COLUMNS
from sigmalake.tables.declaration import Table
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS


class Quantity(NamedTuple):
    """A quantity that is compared, such as `factor_return`: the table it is in, and how it is read."""

    name: str
    table: Table
    columns: tuple[str, ...]  # that it is read from
    read: rows.Read
    dated: str  # the column that dates it


QUANTITIES = (
    Quantity("return", PANEL, ("asset_id", "ret"), rows.returns, "return_date"),
    Quantity("cap", PANEL, ("asset_id", "cap"), rows.caps, "exposure_date"),
    Quantity("given_weight", PANEL, ("asset_id", "weight_column"), rows.given_weights, "exposure_date"),
    Quantity("in_estimation", PANEL, ("asset_id", "in_estimation"), rows.universe, "exposure_date"),
    Quantity("exposure", PANEL, EXPOSURE_COLUMNS, rows.exposures, "exposure_date"),
    Quantity("factor_return", CROSS_SECTIONS, ("factor_set", "factor_return"), rows.factor_returns, "date"),
    Quantity("specific_return", CROSS_SECTIONS, ("asset_id", "specific_return"), rows.specific_returns, "date"),
    Quantity("factor_cov", RISK_MODELS, ("status", "factors", "factor_cov"), rows.factor_cov, "date"),
    Quantity("specific_var", RISK_MODELS, ("asset_id", "specific_var"), rows.specific_var, "date"),
)
"""Units: returns are fractions per period, Sigma and Delta fractions^2 per period of the variant, caps of one currency."""

SIDES: Mapping[str, str] = {
    "return": "returns", "cap": "caps", "given_weight": "exposures", "in_estimation": "exposures", "exposure": "exposures",
}  # fmt: skip
"""Of the quantities that the panel holds, the side of the source that they come from."""
