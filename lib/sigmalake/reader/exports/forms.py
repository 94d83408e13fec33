"""The forms of files that a model is written in."""

from enum import StrEnum


class Form(StrEnum):
    """Whose files they are."""

    GS_QUANT = "gs-quant"
    CSV = "csv"
    EXCEL = "excel"
    PARQUET = "parquet"
