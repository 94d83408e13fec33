"""Rows of returns, and of prices that returns are made from."""
