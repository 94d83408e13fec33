"""Rows of books, checked: a row is a member of a portfolio on a date."""

from sigmalake.config.sources import BookSource
from sigmalake.tasks.sources.checking import CheckedRows, Findings, checked_rows
from sigmalake.tasks.sources.raw_rows import RawRows


def checked_books(raw: RawRows, source: BookSource) -> CheckedRows:
    """Members of books: also `portfolio`, null where it is missing, and `holding`, the weight or the value."""
    c = source.columns
    findings = Findings(raw.n_rows)
    findings.add_key(raw, c.date, c.asset_id)
    findings.add_text(raw, c.portfolio)
    findings.add_number(c.holding, raw.numbers(c.holding), raw.column(c.holding), required=True)
    payload = {"portfolio": raw.texts(c.portfolio).values, "holding": raw.numbers(c.holding).array}
    hashed = {c.portfolio: raw.text_words(c.portfolio), c.holding: raw.number_words(c.holding)}
    return checked_rows(raw, c.date, c.asset_id, findings, payload, hashed)
