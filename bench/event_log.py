"""What an event log of Spark tells of a stretch of a run: its jobs, their stages, and the tasks of these."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench.measure import event_lines


class RunStage(NamedTuple):
    """A stage of Spark's that ran."""

    stage: int
    parents: list[int]
    tasks: list[float]  # seconds from launch to end, in the order of their launch
    jvm_cpu: float  # seconds of all its tasks, without Python's
    shuffled: int  # bytes that its tasks wrote for others


class RunJob(NamedTuple):
    """A job of Spark's."""

    began: float  # seconds since 1970
    ended: float
    stages: list[int]


class RunEvents(NamedTuple):
    """A stretch of a run."""

    began: float
    ended: float
    jobs: list[RunJob]
    stages: dict[int, RunStage]

    @property
    def task_seconds(self) -> float:
        """Of all tasks."""
        return sum(sum(stage.tasks) for stage in self.stages.values())

    @property
    def jvm_cpu(self) -> float:
        """Of all tasks, without Python's."""
        return sum(stage.jvm_cpu for stage in self.stages.values())


def read_events(folder: Path, since: float, until: float) -> RunEvents:
    """What the log in a folder tells of the jobs that began between two instants."""
    jobs: dict[int, dict[str, Any]] = {}
    parents: dict[int, list[int]] = {}
    tasks: dict[int, list[tuple[int, float, float, int]]] = {}
    for event in _events(folder):
        name = event["Event"]
        if name == "SparkListenerJobStart" and since <= event["Submission Time"] / 1000 <= until:
            jobs[event["Job ID"]] = {"began": event["Submission Time"] / 1000, "stages": event["Stage IDs"]}
            parents |= {stage["Stage ID"]: stage["Parent IDs"] for stage in event["Stage Infos"]}
        elif name == "SparkListenerJobEnd" and event["Job ID"] in jobs:
            jobs[event["Job ID"]]["ended"] = event["Completion Time"] / 1000
        elif name == "SparkListenerTaskEnd":
            told, metrics = event["Task Info"], event.get("Task Metrics") or {}
            row = (
                told["Launch Time"],
                (told["Finish Time"] - told["Launch Time"]) / 1000,
                metrics.get("Executor CPU Time", 0) / 1e9,
                metrics.get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0),
            )
            tasks.setdefault(event["Stage ID"], []).append(row)
    found = [RunJob(job["began"], job["ended"], job["stages"]) for job in jobs.values() if "ended" in job]
    ran = {stage for job in found for stage in job.stages} & tasks.keys()
    stages = {stage: _stage(stage, parents.get(stage, []), sorted(tasks[stage])) for stage in sorted(ran)}
    return RunEvents(since, until, sorted(found), stages)


def _stage(stage: int, parents: list[int], tasks: list[tuple[int, float, float, int]]) -> RunStage:
    return RunStage(stage, parents, [task[1] for task in tasks], sum(task[2] for task in tasks), sum(task[3] for task in tasks))


def _events(folder: Path) -> Iterator[dict[str, Any]]:
    for line in event_lines(folder):
        yield json.loads(line)
