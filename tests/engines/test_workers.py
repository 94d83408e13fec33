"""Pieces are read in their order by processes that all threads share, and a process that dies is told."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from sigmalake.engines.local import workers
from sigmalake.engines.local.workers import WORTH_A_PROCESS, read_each
from sigmalake.errors import InfrastructureError


@dataclass(frozen=True)
class Place:
    """Says which process reads it; those with an even number take longer."""

    number: int
    dies: bool = False
    dies_once: Path | None = None  # made by the process that dies
    n_bytes: int = WORTH_A_PROCESS

    def read(self) -> tuple[int, int, set[int]]:
        if self.dies or (self.dies_once is not None and not self.dies_once.exists()):
            if self.dies_once is not None:
                self.dies_once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.02 * (self.number % 2 == 0))
        np.ones((2, 2)) @ np.ones((2, 2))
        return self.number, os.getpid(), {library["num_threads"] for library in threadpool_info()}


def test_pieces_come_in_their_order_from_processes_with_one_thread_that_all_threads_share():
    found = []
    readers = [threading.Thread(target=lambda: found.append(list(read_each([Place(n) for n in range(6)], 2)))) for _ in range(3)]
    for reader in readers:
        reader.start()
        reader.join()
    assert [[number for number, _, _ in some] for some in found] == [list(range(6))] * 3
    processes = {process for some in found for _, process, _ in some}
    assert os.getpid() not in processes
    assert len(processes) <= 2
    assert {n for some in found for _, _, threads in some for n in threads} == {1}


def test_few_bytes_are_read_by_this_process_until_they_are_seen_to_take_long(monkeypatch):
    monkeypatch.setattr(workers, "WORTH_SECONDS", 0.05)
    places = list(read_each([Place(n, n_bytes=1) for n in range(6)], 2))
    assert [number for number, _, _ in places] == list(range(6))
    assert places[0][1] == os.getpid()
    assert os.getpid() not in {process for _, process, _ in places[1:]}


def test_few_bytes_are_read_by_this_process():
    assert {process for _, process, _ in read_each([Place(n, n_bytes=1) for n in range(3)], 2)} == {os.getpid()}


def test_who_goes_on_after_processes_were_stopped_has_new_ones():
    def processes() -> set[int]:
        return {process for _, process, _ in read_each([Place(number) for number in range(4)], 2)}

    before = processes()
    workers.stop()
    assert not before & processes()


def test_what_was_at_work_when_processes_died_is_read_again(tmp_path):
    pieces = [Place(number, dies_once=tmp_path / str(number) if number in {1, 2, 5} else None) for number in range(8)]
    assert [number for number, _, _ in read_each(pieces, 2)] == list(range(8))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "5"]


def test_a_process_that_dies_each_time_is_told_and_the_next_pieces_have_a_new_one():
    with pytest.raises(InfrastructureError, match="ended unexpectedly 3 times"):
        list(read_each([Place(0), Place(1, dies=True)], 2))
    assert [number for number, _, _ in read_each([Place(n) for n in range(4)], 2)] == list(range(4))


def test_workers_end_when_their_parent_is_killed():
    lines = (
        "import sys, time, test_workers as t",
        "print(*{process for _, process, _ in t.read_each([t.Place(n) for n in range(8)], 2)}, flush=True)",
        "time.sleep(60)",
    )
    command, folder = [sys.executable, "-c", "\n".join(lines)], Path(__file__).parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as parent:
        workers = [int(process) for process in parent.stdout.readline().split()]
        assert workers
        assert all(_runs(process) for process in workers)
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 20
    while any(_runs(process) for process in workers) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [process for process in workers if _runs(process)]


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
