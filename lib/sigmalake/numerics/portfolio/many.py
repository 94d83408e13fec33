"""The risk of many portfolios at once: what `portfolio_risk` and `benchmark_risk` say of one, a row a portfolio."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import scipy

from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov, specific_times
from sigmalake.numerics.portfolio.risk import ROUNDING
from sigmalake.numerics.types import Floats

Books: TypeAlias = (
    "Floats | scipy.sparse.csr_array"  # (P, N) fractions of each portfolio's value, any sign; 0 or absent where not held
)
_ROWS_AT_ONCE = 512  # dense portfolios in memory at a time: 12 MB of 3,000 assets


class BooksRisk(NamedTuple):
    """Risk of P portfolios over one period. A row of `by_factor` and its `specific` sum to its `vol`."""

    exposures: Floats  # (P, K) x = X'h
    variance: Floats  # (P,) x' Sigma x + h' D h, fraction^2
    vol: Floats  # (P,) sigma, the root of it, fraction
    factor_vol: Floats  # (P,) root of x' Sigma x
    specific_vol: Floats  # (P,) root of h' D h
    by_factor: Floats  # (P, K) x_k (Sigma x)_k / sigma, fraction; 0 where sigma is 0
    specific: Floats  # (P,) h' D h / sigma, fraction; 0 where sigma is 0


class BooksAgainst(NamedTuple):
    """Risk of P portfolios beside a benchmark each, or one for all. The tracking errors are `active.vol`."""

    portfolio: BooksRisk  # of h
    benchmark: BooksRisk  # of b; one row where one benchmark serves all
    active: BooksRisk  # of h - b
    beta: Floats  # (P,) h' V b / b' V b
    correlation: Floats  # (P,) h' V b / (sigma_h sigma_b); NaN where sigma_h is 0


def risk_of_books(
    books: Books, exposures: Floats, factor_cov: Floats, specific_var: Floats, linked: LinkedCov = UNLINKED
) -> BooksRisk:
    """Variance x' Sigma x + h' D h of every row, with D = diag(Delta) + linked, in O(nnz K + P K^2): no V is made.

    Equal to `portfolio_risk` row by row, but for the order of sums.

    Args:
        books: (P, N) a row a portfolio, dense or sparse by rows.
        exposures: (N, K).
        factor_cov: (K, K) fraction^2 per period, positive semi-definite.
        specific_var: (N,) fraction^2 per period; may be NaN where no portfolio holds anything.
        linked: specific covariances of linked issues, by positions among the N assets.

    Raises:
        ValueError: a number that is needed is not finite, or `factor_cov` or the linked issues give a portfolio a negative
            variance; the message says which row.
    """
    var = _known_specific_var(books, exposures, specific_var)
    x: Floats = books @ exposures
    terms = x * (x @ factor_cov)
    factor_var = terms.sum(axis=1)
    specific_variance = _specific_cov(books, books, var, linked)
    if factor_var.size and float(factor_var.min()) < 0:
        x_sizes = np.abs(x)
        _refuse_negative("the factors give", "factor_cov", factor_var, (x_sizes * (x_sizes @ np.abs(factor_cov))).sum(axis=1))
    if specific_variance.size and float(specific_variance.min()) < 0:
        sizes = books.__abs__()
        absolute = _specific_cov(sizes, sizes, var, LinkedCov(linked.pairs, np.abs(linked.cov)))
        _refuse_negative("the specific part gives", "linked", specific_variance, absolute)
    factor_var, specific_variance = np.maximum(factor_var, 0.0), np.maximum(specific_variance, 0.0)
    variance = factor_var + specific_variance
    vol = np.sqrt(variance)
    per_vol = np.divide(1.0, vol, out=np.zeros_like(vol), where=vol > 0)  # nothing contributes to no risk
    return BooksRisk(
        exposures=x,
        variance=variance,
        vol=vol,
        factor_vol=np.sqrt(factor_var),
        specific_vol=np.sqrt(specific_variance),
        by_factor=terms * per_vol[:, None],
        specific=specific_variance * per_vol,
    )


def books_against(
    books: Books,
    benchmarks: Books,
    exposures: Floats,
    factor_cov: Floats,
    specific_var: Floats,
    linked: LinkedCov = UNLINKED,
) -> BooksAgainst:
    """Risk, tracking error and beta of every portfolio, in O(nnz K + P K^2); equal to `benchmark_risk` row by row.

    A portfolio with the very weights of its benchmark has a tracking error of exactly 0: holdings are subtracted, not variances.

    Args:
        books: (P, N) a row a portfolio, dense or sparse by rows.
        benchmarks: (P, N) a benchmark for each portfolio, or (1, N) one for all; dense or sparse as `books` is.
        exposures: (N, K).
        factor_cov: (K, K) fraction^2 per period, positive semi-definite.
        specific_var: (N,) fraction^2 per period; may be NaN where nothing is held.
        linked: specific covariances of linked issues.

    Raises:
        ValueError: a benchmark has no risk, the shapes do not fit, or what `risk_of_books` raises.
    """
    if benchmarks.shape not in {books.shape, (1, books.shape[1])}:
        raise ValueError(f"benchmarks have the shape {benchmarks.shape}; {books.shape} or {(1, books.shape[1])} is needed")
    of_b = risk_of_books(benchmarks, exposures, factor_cov, specific_var, linked)
    if (still := np.flatnonzero(of_b.vol == 0)).size:
        raise ValueError(f"the benchmark of row {still[0]} has a volatility of 0: there is no beta to it")
    of_h = risk_of_books(books, exposures, factor_cov, specific_var, linked)
    active = _active_risk(books, benchmarks, exposures, factor_cov, specific_var, linked)
    var = np.where(np.isfinite(specific_var), specific_var, 0.0)  # what is held was checked above
    if benchmarks.shape[0] == books.shape[0]:
        specific_shared = _specific_cov(books, benchmarks, var, linked)
    else:
        specific_shared = books @ specific_times(var, linked, _dense(benchmarks)[0])
    shared = (of_h.exposures * (of_b.exposures @ factor_cov)).sum(axis=1) + specific_shared
    beta = shared / of_b.variance
    correlation = np.divide(shared, of_h.vol * of_b.vol, out=np.full_like(shared, np.nan), where=of_h.vol > 0)
    return BooksAgainst(of_h, of_b, active, beta, correlation)


def books_by_asset(
    books: "scipy.sparse.csr_array", risk: BooksRisk, exposures: Floats, factor_cov: Floats, specific_var: Floats,
    linked: LinkedCov = UNLINKED, *, rows_at_once: int = 1 << 16,
) -> "scipy.sparse.csr_array":  # fmt: skip
    """Contributions by asset, h_n (V h)_n / sigma, at the holdings that are there: each row sums to its volatility.

    Args:
        books: (P, N) of `risk`.
        risk: what `risk_of_books` says of them with the same model.
        exposures: (N, K).
        factor_cov: (K, K).
        specific_var: (N,).
        linked: specific covariances of linked issues.
        rows_at_once: holdings whose exposures are in memory at a time.

    Returns:
        (P, N) fractions, with the pattern of `books`; 0 where sigma is 0.
    """
    of_book = np.repeat(np.arange(books.shape[0]), np.diff(books.indptr))
    factor_part = risk.exposures @ factor_cov
    through_factors = np.empty(books.nnz)
    for start in range(0, books.nnz, rows_at_once):
        piece = slice(start, start + rows_at_once)
        through_factors[piece] = np.einsum("nk,nk->n", exposures[books.indices[piece]], factor_part[of_book[piece]])
    var = np.where(np.isfinite(specific_var), specific_var, 0.0)
    specific_part = books.data * var[books.indices]
    if linked.cov.size:
        beside = scipy.sparse.csr_array((linked.cov, tuple(linked.pairs.T)), shape=(var.size, var.size))
        specific_part += (books @ (beside + beside.T)).tocsr()[of_book, books.indices]
    per_vol = np.divide(1.0, risk.vol, out=np.zeros_like(risk.vol), where=risk.vol > 0)
    data = books.data * (through_factors + specific_part) * per_vol[of_book]
    return scipy.sparse.csr_array((data, books.indices, books.indptr), shape=books.shape)


def _known_specific_var(books: Books, exposures: Floats, specific_var: Floats) -> Floats:
    """Delta with 0 in the place of what is missing and held by nobody."""
    weights = books.data if scipy.sparse.issparse(books) else books
    for name, values in (("books", weights), ("exposures", exposures)):
        if n_missing := int(np.sum(~np.isfinite(values))):
            raise ValueError(f"{name} has {n_missing} values that are not finite")
    missing = np.flatnonzero(~np.isfinite(specific_var))
    held = np.asarray(books[:, missing].__abs__().sum(axis=0)) > 0
    if held.any():
        raise ValueError(f"specific_var of the held assets has {int(held.sum())} values that are not finite")
    known: Floats = specific_var.astype(float)
    known[missing] = 0.0
    return known


def _specific_cov(books: Books, others: Books, specific_var: Floats, linked: LinkedCov) -> Floats:
    """(P,) h' D b of each row of the one with that of the other."""
    first, second = linked.pairs.T
    cov: Floats
    if isinstance(books, np.ndarray) and isinstance(others, np.ndarray):
        cov = np.einsum("pn,pn,n->p", books, others, specific_var)
        if linked.cov.size:
            cov += (books[:, first] * others[:, second] + books[:, second] * others[:, first]) @ linked.cov
        return cov
    by_rows, other_rows = scipy.sparse.csr_array(books), scipy.sparse.csr_array(others)
    cov = np.asarray(by_rows.multiply(other_rows) @ specific_var)
    if linked.cov.size:
        ours, theirs = by_rows.tocsc(), other_rows.tocsc()
        crossed = ours[:, first].multiply(theirs[:, second]) + ours[:, second].multiply(theirs[:, first])
        cov += crossed @ linked.cov
    return cov


def _active_risk(
    books: Books, benchmarks: Books, exposures: Floats, factor_cov: Floats, specific_var: Floats, linked: LinkedCov
) -> BooksRisk:
    """Of the rows less their benchmark; what is left of one benchmark for all is held by every row, so that it is dense."""
    if benchmarks.shape[0] == books.shape[0]:
        return risk_of_books(books - benchmarks, exposures, factor_cov, specific_var, linked)
    one = _dense(benchmarks)
    starts = range(0, max(books.shape[0], 1), _ROWS_AT_ONCE)
    pieces = (_dense(books[start : start + _ROWS_AT_ONCE]) - one for start in starts)
    return _stacked([risk_of_books(piece, exposures, factor_cov, specific_var, linked) for piece in pieces])


def _stacked(pieces: Sequence[BooksRisk]) -> BooksRisk:
    return BooksRisk(*(np.concatenate(parts) for parts in zip(*pieces, strict=True)))


def _dense(books: Books) -> Floats:
    dense: Floats = books if isinstance(books, np.ndarray) else books.toarray()
    return dense


def _refuse_negative(what: str, of: str, variances: Floats, absolute: Floats) -> None:
    """Raise ValueError for a variance below 0 by more than rounding."""
    if (wrong := np.flatnonzero(variances < -ROUNDING * absolute)).size:
        row = int(wrong[0])
        raise ValueError(f"{what} row {row} a variance of {variances[row]:g}: {of} is not positive semi-definite")
