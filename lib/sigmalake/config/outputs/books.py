"""What `books:` may say: how the portfolios of `sources.books` are measured by the stage `portfolios`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sigmalake.config.types import Name, Strict, key, refuse_repeated


class Books(Strict):
    """How the books of `sources.books`, portfolios of your own, are measured by the stage `portfolios`."""

    variants: Annotated[
        Annotated[list[str], Field(min_length=1)] | None,
        key("variants of the risk model that measure books; none: every one"),
    ] = None
    benchmark: Annotated[
        Name | None,
        key("a book of the source, looked through, that beta and tracking error of the others are against; none: neither is made"),
    ] = None
    benchmarks: Annotated[
        dict[str, Name],
        key("a benchmark of its own for some books, by the name of the book, in the place of `benchmark`"),
        Field(default_factory=dict),
    ]
    max_age: Annotated[
        int,
        key(
            "how old the newest book of a portfolio may be; an older one is neither measured nor looked through; 35 carries the "
            "books of a month's end to the next",
            unit="days",
            source="choice",
        ),
        Field(ge=0),
    ] = 35
    cash: Annotated[tuple[Name, ...], key("ids of members without risk, e.g. `[USD, CASH]`; they are covered")] = ()
    max_gross: Annotated[
        float,
        key(
            "largest sum of the absolute weights of a book; above it the run stops, since percent or money was taken for fractions",
            unit="fraction of the value",
            source="choice",
        ),
        Field(gt=0),
    ] = 20.0
    contributions: Annotated[
        Literal["factors", "groups", "none"],
        key(
            "rows of `portfolio_contributions`: `factors`, each factor and each group; `groups`, groups alone, where factors are "
            "many; or `none`"
        ),
    ] = "factors"

    @model_validator(mode="after")
    def _each_once(self) -> "Books":
        refuse_repeated("cash", self.cash)
        return self

    def benchmark_of(self, portfolio: str) -> str | None:
        """The name of what a book is held against; None: nothing. A benchmark is not held against itself."""
        found = self.benchmarks.get(portfolio, self.benchmark)
        return None if found == portfolio else found
