"""Every table of a lake."""

from sigmalake.tables.declaration import Table
from sigmalake.tables.descriptors import DESCRIPTORS, INDUSTRY_SHARES, PRICES
from sigmalake.tables.evaluation import FACTOR_PREMIA, FORECAST_EVALUATION
from sigmalake.tables.long import (
    ASSET_COVARIANCE,
    ASSET_COVARIANCE_CELLS,
    COVARIANCE_BUILDS,
    EXPOSURE_MOMENTS,
    EXPOSURE_STABILITY,
    EXPOSURES,
    FACTOR_COVARIANCE,
    FACTOR_PORTFOLIOS,
    FACTOR_RETURNS,
    FACTORS,
    RISK_DIAGNOSTICS,
    SPECIFIC_RETURNS,
    SPECIFIC_RISK,
)
from sigmalake.tables.packed import CROSS_SECTIONS, FIRST_PASS, PANEL, RISK_MODELS
from sigmalake.tables.quality import DATA_QUALITY
from sigmalake.tables.records import REJECTED_ROWS, RELEASE_CONTENTS, RELEASE_WITHDRAWALS, RELEASES, RUNS, SOURCE_PRINTS

MODEL_TABLES: tuple[Table, ...] = (
    PRICES,
    DESCRIPTORS,
    INDUSTRY_SHARES,
    FACTORS,
    PANEL,
    REJECTED_ROWS,
    EXPOSURES,
    EXPOSURE_MOMENTS,
    DATA_QUALITY,
    EXPOSURE_STABILITY,
    FIRST_PASS,
    CROSS_SECTIONS,
    FACTOR_RETURNS,
    SPECIFIC_RETURNS,
    FACTOR_PORTFOLIOS,
    RISK_MODELS,
    FACTOR_COVARIANCE,
    SPECIFIC_RISK,
    RISK_DIAGNOSTICS,
    ASSET_COVARIANCE,
    ASSET_COVARIANCE_CELLS,
    COVARIANCE_BUILDS,
)
"""The tables that a release pins, in the order in which a run writes them."""

ALL_TABLES: tuple[Table, ...] = (
    *MODEL_TABLES,
    FORECAST_EVALUATION,
    FACTOR_PREMIA,
    SOURCE_PRINTS,
    RUNS,
    RELEASES,
    RELEASE_CONTENTS,
    RELEASE_WITHDRAWALS,
)
