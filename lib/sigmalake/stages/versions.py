"""The versions of the stages' kernels: raised by whoever changes what a stage answers, or a default of its settings.

A row says which version it was computed by, and is computed again where that is not the present one.
tests/test_versions.py keeps a small answer of every stage, and fails where one changes and its version does not.
"""

INGEST = "3"  # of checking rows, making styles and packing
DESCRIBE = "2"  # of checking rows, packing and the descriptors
SHARES = "1"  # of industry shares, and of shares from revenues
QUALITY = "1"  # of the checks of the data
REGRESS = "2"  # of the regressions, and of the variances between two passes
STABILITY = "2"  # of exposure stability
RESIDUALS = "1"  # of residual correlations
RISK = "1"  # of Sigma and Delta, with their layers
COVARIANCE = "3"  # of V
PORTFOLIOS = "1"  # of reading and packing books, and of their risk
EVALUATE = "2"  # of what forecasts are held to
PREMIA = "1"  # of factor premia
