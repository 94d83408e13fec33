"""Files of a user: lists of assets, holdings, portfolios."""
