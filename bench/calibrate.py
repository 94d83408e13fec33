"""How fast this machine is at the moment: the seconds of a fixed piece of Python and numpy work."""

import time

import numpy as np

LOOPS, SIZE, PRODUCTS = 4_000_000, 256, 60


def calibration() -> float:
    """Wall seconds of a loop and of products of two matrices, on one core but for what BLAS does; compare them, not their value."""
    numbers = np.random.default_rng(1).random((SIZE, SIZE))
    started = time.perf_counter()
    total = 0
    for number in range(LOOPS):
        total += number & 7
    for _ in range(PRODUCTS):
        numbers = np.clip(numbers @ numbers.T, 0.0, 1.0) + np.sort(numbers, axis=0) / total
    return time.perf_counter() - started
