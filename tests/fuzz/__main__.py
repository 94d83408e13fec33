"""Many cases, or one again: scripts/test fuzz [--panel N] [--configuration N] [--section N] [--seed S]."""

import argparse
import sys
import time

from fuzz.cases import KINDS

USUAL = {"panel": 1000, "configuration": 500, "section": 3000}


def main() -> int:
    """Run the cases; 1 if something does not hold."""
    parser = argparse.ArgumentParser(prog="scripts/test fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the first case; each case has the next one")
    for kind in KINDS:
        parser.add_argument(f"--{kind}", type=int, metavar="N", help=f"how many; without any of these {USUAL[kind]}")
    given = parser.parse_args()
    counts = {kind: getattr(given, kind) for kind in KINDS}
    if all(count is None for count in counts.values()):
        counts = USUAL
    n_broken = 0
    for kind, count in counts.items():
        started = time.monotonic()
        for seed in range(given.seed, given.seed + (count or 0)):
            if broken := KINDS[kind](seed):
                n_broken += 1
                print(f"BROKEN: scripts/test fuzz --{kind} 1 --seed {seed}", *broken, sep="\n  ", flush=True)
        if count:
            print(
                f"{kind}: {count} cases, seeds {given.seed} to {given.seed + count - 1}, {time.monotonic() - started:.0f} s",
                flush=True,
            )
    return int(n_broken > 0)


if __name__ == "__main__":
    sys.exit(main())
