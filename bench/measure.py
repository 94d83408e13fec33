"""What a command costs: wall, the CPU and memory of its whole process tree, and what Spark says that it did."""

import ctypes
import json
import os
import resource
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS = 0.25


@dataclass
class Cost:
    """Of a command, or of a stretch of one."""

    wall: float = 0.0  # seconds
    cpu: float = 0.0  # seconds of all processes
    peak: int = 0  # bytes of all processes at a time, shared pages counted once
    jobs: int = 0
    tasks: int = 0
    rows_read: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    commits: int = 0


def adopt_orphans() -> None:
    """Make this process the parent of what its children leave behind, so that their CPU time is counted when they end."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def run_measured(command: Sequence[str | Path], log: Path, *, timeout: float = 7200) -> tuple[int, Cost]:
    """Run a command to its end and that of all it started; its output goes to a file."""
    before, started = _children_cpu(), time.perf_counter()
    with log.open("w") as said:
        process = subprocess.Popen(list(map(str, command)), stdout=said, stderr=subprocess.STDOUT)
        with _sampled_memory(process.pid) as memory:
            code = process.wait(timeout)
            wall = time.perf_counter() - started
            _wait_for_orphans()
    return code, Cost(wall=wall, cpu=_children_cpu() - before, peak=memory.peak)


@contextmanager
def measured(cost: Cost) -> Iterator[None]:
    """Add to `cost` what this process and all below it spend meanwhile."""
    before, started = _tree_cpu(os.getpid()), time.perf_counter()
    with _sampled_memory(os.getpid()) as memory:
        yield
    cost.wall += time.perf_counter() - started
    cost.cpu += _tree_cpu(os.getpid()) - before - memory.own_cpu
    cost.peak = max(cost.peak, memory.peak)


def count_events(events: Path, since: float, until: float, cost: Cost) -> None:
    """Add the jobs, tasks and bytes that Spark's event log tells of between two instants (seconds since 1970)."""
    for line in event_lines(events):
        event = json.loads(line)
        if event["Event"] == "SparkListenerJobStart" and since <= event["Submission Time"] / 1000 <= until:
            cost.jobs += 1
        elif event["Event"] == "SparkListenerTaskEnd" and since <= event["Task Info"]["Launch Time"] / 1000 <= until:
            metrics = event.get("Task Metrics", {})
            cost.tasks += 1
            cost.rows_read += metrics.get("Input Metrics", {}).get("Records Read", 0)
            cost.bytes_read += metrics.get("Input Metrics", {}).get("Bytes Read", 0)
            cost.bytes_written += metrics.get("Output Metrics", {}).get("Bytes Written", 0)


def commits_in(lake: Path) -> int:
    """Delta commits of every table of a lake."""
    return sum(1 for _ in lake.glob("*/_delta_log/*.json"))


def event_lines(events: Path) -> Iterator[str]:
    """The whole lines of the event logs in a folder, also of one that is still written."""
    for file in sorted(path for path in events.rglob("*") if path.is_file() and not path.name.startswith(".")):
        with file.open() as lines:
            yield from (line for line in lines if line.startswith('{"Event":"SparkListener') and line.endswith("}\n"))


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wait_for_orphans() -> None:
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _tree(root: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += parents.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; none where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _tree_cpu(root: int) -> float:
    """Seconds of the live processes of a tree and of those that they have waited for."""
    return sum(sum(map(int, fields[11:15])) for pid in _tree(root) if (fields := _stat(pid))) / _TICKS


@contextmanager
def cpu_by_process(kept: dict[int, tuple[str, float]]) -> Iterator[None]:
    """Sample name and CPU seconds of each process below this one, itself included, also of those that end meanwhile."""
    done, before = threading.Event(), dict(_own_cpu(os.getpid()))
    kept.update(before)

    def sample() -> None:
        while True:
            kept.update(_own_cpu(os.getpid()))
            if done.wait(_SAMPLE_SECONDS):
                return

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        kept.update(_own_cpu(os.getpid()))
        for pid, (name, seconds) in before.items():
            kept[pid] = name, kept[pid][1] - seconds


def _own_cpu(root: int) -> Iterator[tuple[int, tuple[str, float]]]:
    for pid in _tree(root):
        with suppress(OSError):
            name, fields = Path(f"/proc/{pid}/comm").read_text().strip(), _stat(pid)
            if fields:
                yield pid, (name, sum(map(int, fields[11:13])) / _TICKS)


def _tree_memory(root: int) -> int:
    total = 0
    for pid in _tree(root):
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
    return total


@dataclass
class _Memory:
    """Of a tree, sampled by a thread."""

    peak: int = 0  # bytes
    own_cpu: float = 0.0  # seconds that the sampling itself took


@contextmanager
def _sampled_memory(root: int) -> Iterator[_Memory]:
    memory, done = _Memory(), threading.Event()

    def sample() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            memory.peak = max(memory.peak, _tree_memory(root))
        memory.own_cpu = time.thread_time()

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        done.set()
        thread.join()
