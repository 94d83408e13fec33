"""Files that a user gives to the command line: lists of assets, holdings, portfolios."""
