"""scripts/bench: stages beside their floors, whole runs in fresh processes, peers on the same data: the goals, tables, JSON."""

import argparse
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.calibrate import calibration
from bench.data import panel_of
from bench.measure import adopt_orphans
from bench.parts import PARTS, QUICK, Asked
from bench.report import as_markdown
from bench.sizes import SIZES

ENGINES = ("local", "spark")


def main() -> None:
    """Measure what was asked for; the report holds also what was measured of the same size before, and says when."""
    options = _arguments()
    cache = Path(os.environ.get("SIGMALAKE_BENCH", Path.home() / ".cache" / "sigmalake-bench"))
    cache.mkdir(parents=True, exist_ok=True)
    options.out.mkdir(parents=True, exist_ok=True)
    asked = Asked("tiny" if options.quick else options.size, options.engines, cache, options.quick)
    adopt_orphans()
    panel_of(SIZES[asked.size], cache)
    kept = options.out / f"{asked.size}.json"
    found: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {"measured": {}}
    found |= {"size": asked.size, "panel": SIZES[asked.size]._asdict(), "machine": _machine()}
    _print_calibration("start")
    for name in options.parts or (QUICK if asked.quick else PARTS):
        found.pop(name, None)
        begun = f"{datetime.now():%Y-%m-%d %H:%M}"
        print(f"bench: {name}", file=sys.stderr, flush=True)
        before = calibration()
        try:
            found[name] = PARTS[name](asked)
        except Exception as error:  # a part that fails costs no other its figures
            found[name] = {"error": f"{type(error).__name__}: {error}"}
        found["measured"][name] = {"at": begun, "load": os.getloadavg()[0], "calibration": [before, calibration()]}
        kept.write_text(json.dumps(found, indent=1))
    page = as_markdown(found)
    (options.out / f"{asked.size}.md").write_text(page)
    print(page)
    _print_calibration("end")


def _print_calibration(when: str) -> None:
    wall, cpu = calibration()
    print(f"calibration at the {when}: {wall:.2f} s wall, {cpu:.2f} s CPU", flush=True)


def _machine() -> dict[str, Any]:
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {"cores": len(os.sched_getaffinity(0)), "memory_gb": round(int(memory.split()[1]) / 2**20, 1)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--size", choices=list(SIZES), default="ten-years")
    parser.add_argument("--quick", action="store_true", help=f"the smallest size, the parts {' '.join(QUICK)}: minutes")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), help="all by default; others keep what they found before")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--out", type=Path, default=Path("bench-results"), help="where the JSON and the Markdown go")
    return parser.parse_args()


if __name__ == "__main__":
    main()
