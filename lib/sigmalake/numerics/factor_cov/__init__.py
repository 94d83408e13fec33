"""The factor covariance Sigma."""
