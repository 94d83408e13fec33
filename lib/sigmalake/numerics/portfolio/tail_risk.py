"""Value at risk and expected shortfall: of a normal loss, of losses that history repeats, and of the two together."""

from typing import NamedTuple

import numpy as np
import scipy

from sigmalake.numerics.types import Floats

_ROUNDING = 1e-12  # of T alpha: 0.95 x 100 is 95, whatever its last bit


class Tail(NamedTuple):
    """The tail of a loss beyond a level. A positive number is a loss, a fraction of the value."""

    var: float  # value at risk: the loss that is not exceeded with probability `level`
    expected_shortfall: float  # the mean loss in the worst 1 - `level` of the cases; never below `var`


def normal_tail(vol: float, level: float) -> Tail:
    """VaR = z_a sigma and ES = sigma phi(z_a) / (1 - a), of a normal loss with mean 0.

    Source: RiskMetrics Technical Document (1996); Jorion, Value at Risk (2007); McNeil, Frey and Embrechts, Quantitative Risk
    Management (2015), chapter 2.

    Args:
        vol: sigma, fraction.
        level: a, a probability, e.g. 0.95.
    """
    z = float(scipy.special.ndtri(level))
    return Tail(z * vol, float(_density(z)) * vol / (1 - level))


def empirical_tail(losses: Floats, level: float) -> Tail:
    """VaR and ES of T losses that are equally likely.

    VaR is the smallest loss l with F(l) >= a: the ceil(T a)-th smallest. ES is the mean of the worst T (1 - a) losses, of which the
    loss at the VaR counts with the part that is needed: ES = (sum of the losses above the VaR + VaR (T (1 - a) - their number)) /
    (T (1 - a)). So it is a coherent measure also where T (1 - a) is no whole number.

    Source: Acerbi and Tasche, On the coherence of expected shortfall (2002); McNeil, Frey and Embrechts (2015), chapter 2.

    Args:
        losses: (T,) fractions, in any order; T >= 1.
        level: a, a probability.
    """
    ordered = np.sort(losses)
    size = ordered.size
    rank = int(np.ceil(size * level * (1 - _ROUNDING)))
    at = float(ordered[max(rank, 1) - 1])
    beyond = ordered[max(rank, 1) :]
    in_tail = size * (1 - level)
    return Tail(at, max(at, float(beyond.sum() + at * (in_tail - beyond.size)) / in_tail))


def convolved_tail(losses: Floats, specific_vol: float, level: float) -> Tail:
    """VaR and ES of a loss that repeats one of T factor losses and adds an independent normal specific one.

    The loss is the mixture of T normals with means m_t, the factor losses, and one standard deviation s. F(l) is the mean of
    Phi((l - m_t) / s); VaR solves F(l) = a, and ES is the mean of m_t Phi(d_t) + s phi(d_t) with d_t = (m_t - VaR) / s, over 1 - a.
    Where s is 0 it is `empirical_tail`.

    Args:
        losses: (T,) factor losses, fractions.
        specific_vol: s, fraction, over the same horizon as the losses.
        level: a, a probability.
    """
    if specific_vol <= 0:
        return empirical_tail(losses, level)

    def below(loss: float) -> float:
        return float(scipy.special.ndtr((loss - losses) / specific_vol).mean()) - level

    shift = float(scipy.special.ndtri(level)) * specific_vol
    low, high = float(losses.min()) + shift, float(losses.max()) + shift
    # each of the T normals has the level at m_t + shift, so that their mean has it between the least and the greatest
    var = low if high - low <= np.spacing(high) or below(low) >= 0 else scipy.optimize.brentq(below, low, high, xtol=1e-16)
    d = (losses - var) / specific_vol
    mean_beyond = float((losses * scipy.special.ndtr(d) + specific_vol * _density(d)).mean())
    return Tail(float(var), mean_beyond / (1 - level))


def _density(z: Floats | float) -> Floats | float:
    """The standard normal density."""
    density: Floats | float = np.exp(-0.5 * np.square(z)) / np.sqrt(2 * np.pi)
    return density
