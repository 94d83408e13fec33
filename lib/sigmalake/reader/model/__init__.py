"""What a factor model answers, a module a kind of question: one date, over time, forecasts, portfolios."""
