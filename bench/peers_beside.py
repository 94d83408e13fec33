"""Peers on the same panel, each in its own environment; their scripts are in `bench/peers`."""

import json
import os
import resource
import subprocess
from pathlib import Path
from typing import Any

PEERS = Path(__file__).parent / "peers"
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
DATES = {  # newest dates: skfolio's memory, and the patience of who waits
    "skfolio": 504,
    "toraniko": 120,
    "riskprism": 120,
    "polars_ols": 120,
    "statsmodels": 40,
}


def run_peer(peer: str, stage: str, data: Path, cache: Path, *, n_dates: int) -> dict[str, Any]:
    """What a peer prints of itself; or the error that it met."""
    made = subprocess.run([PEERS / "setup", peer, cache / "peers"], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return {"peer": peer, "stage": stage, "error": f"no environment: {made.stderr.strip().splitlines()[-1]}"}
    script = PEERS / f"fit_{peer}.py"
    call = [made.stdout.strip(), script, data, cache / "peers" / "out", "--stage", stage, "--dates", str(n_dates)]
    environment = {**os.environ, **ONE_THREAD}  # as our tasks have it: CPU seconds of threads that wait for each other say nothing
    done = subprocess.run(
        list(map(str, call)), capture_output=True, text=True, check=False, env=environment, preexec_fn=_within_this_machine
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        return {"peer": peer, "stage": stage, "error": f"ended with {done.returncode} and said nothing; killed for its memory?"}
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def _within_this_machine() -> None:
    """Have whoever asks for more memory than there is told so, before somebody else is killed for it."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    resource.setrlimit(resource.RLIMIT_AS, (there, there))
