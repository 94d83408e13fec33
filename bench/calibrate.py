"""How fast this machine is at the moment: the seconds of a fixed piece of Python and numpy work."""

import time

import numpy as np
from threadpoolctl import threadpool_limits

LOOPS, SIZE, PRODUCTS = 12_000_000, 256, 180


def calibration() -> tuple[float, float]:
    """Wall and CPU seconds of a loop and of products of matrices, on one core; compare them, what they are says nothing."""
    numbers = np.random.default_rng(1).random((SIZE, SIZE))
    wall, cpu = time.perf_counter(), time.process_time()
    total = 0
    for number in range(LOOPS):
        total += number & 7
    with threadpool_limits(limits=1):
        for _ in range(PRODUCTS):
            numbers = np.clip(numbers @ numbers.T, 0.0, 1.0) + np.sort(numbers, axis=0) / total
    return time.perf_counter() - wall, time.process_time() - cpu
