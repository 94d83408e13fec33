"""A run of Spark, simulated on any number of cores."""

import heapq
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Stage(NamedTuple):
    """Tasks that can run side by side, once those of other stages have ended."""

    parents: tuple[int, ...]
    tasks: Sequence[float]  # seconds


class Job(NamedTuple):
    """What the driver submits, some time after an earlier job has ended."""

    after: int | None  # position of the job that it waited for; None: the beginning
    gap: float  # seconds of the driver's own between the two
    stages: tuple[int, ...]


class Schedule(NamedTuple):
    """How long it took, and why."""

    seconds: float
    driver: float  # seconds in which no task ran
    critical: float  # seconds that no number of cores takes away: gaps, and the longest task of each stage in turn


def simulate(jobs: Sequence[Job], stages: Mapping[int, Stage], tail: float, cores: int, overhead: float = 0.0) -> Schedule:
    """Schedule jobs, each as soon as the driver submits it, in first come, first served order.

    Args:
        jobs: in the order of their submission.
        stages: by number; one that several jobs name runs in the first of them.
        tail: seconds of the driver's own after the last job.
        cores: at work at the same time.
        overhead: seconds that the driver takes to launch a task, one after the other.
    """
    free = [0.0] * cores
    heapq.heapify(free)
    ended: dict[int, float] = {}
    job_ended: list[float] = []
    busy: list[tuple[float, float]] = []
    launched = 0.0
    for job in jobs:
        at = (0.0 if job.after is None else job_ended[job.after]) + job.gap
        end = at
        for number in sorted(job.stages):
            if number in ended or number not in stages:
                continue
            ready = max([at, *(ended[parent] for parent in stages[number].parents if parent in ended)])
            done = ready
            for seconds in stages[number].tasks:
                launched = max(launched, ready) + overhead
                begin = max(heapq.heappop(free), launched)
                heapq.heappush(free, begin + seconds)
                busy.append((begin, begin + seconds))
                done = max(done, begin + seconds)
            ended[number] = done
            end = max(end, done)
        job_ended.append(end)
    whole = max(job_ended, default=0.0) + tail
    return Schedule(whole, whole - _covered(busy), _critical(jobs, stages, tail))


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    """Seconds in which at least one of the spans lasts."""
    total, reached = 0.0, 0.0
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def _critical(jobs: Sequence[Job], stages: Mapping[int, Stage], tail: float) -> float:
    ended: dict[int, float] = {}
    job_ended: list[float] = []
    for job in jobs:
        at = (0.0 if job.after is None else job_ended[job.after]) + job.gap
        for number in sorted(set(job.stages) & stages.keys() - ended.keys()):
            stage = stages[number]
            ended[number] = max([at, *(ended[p] for p in stage.parents if p in ended)]) + max(stage.tasks, default=0.0)
        job_ended.append(max([at, *(ended[number] for number in job.stages if number in ended)]))
    return max(job_ended, default=0.0) + tail
