"""Columns that several tables have, with one meaning."""

from sigmalake.tables.declaration import required

VARIANT = required("variant", "STRING", "name of the estimators in the configuration")
AS_OF = required("date", "DATE", "as of this close")
RETURN_DATE = required("date", "DATE", "date of the returns")
ASSET = required("asset_id", "STRING", "asset")
FACTOR = required("factor", "STRING", "factor")
FACTOR_GROUP = required("factor_group", "STRING", "market, the membership's group, or style")
ASSETS = required("asset_id", "ARRAY<STRING>", "N ids, ascending")
IN_ESTIMATION = required("in_estimation", "ARRAY<BOOLEAN>", "N flags: member of the estimation universe")
INPUTS_HASH = required("inputs_hash", "STRING", "what this row was computed from")
