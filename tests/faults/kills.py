"""Runs that are killed, as by `kill -9`, at points that have names; `python kills.py` does them, each in a process of its own.

A point is an instant before or after something that a run leaves behind: a claim, a table's creation, each commit of a table. The
hooks are put around the functions of the package in the processes that die, and nowhere else.
"""

import json
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from sigmalake.cli import app
from sigmalake.lake import delta_rs, lease
from sigmalake.lake.claims.folder_claims import FolderClaims
from sigmalake.lake.lake import Lake

A_FILE = 1 << 15  # bytes: a packed table of the small market is several commits


def hooked(reach: Callable[[str], None]) -> None:
    """Have `reach` called with the name of each point that this process comes to."""
    seen: Counter[str] = Counter()

    def around(owner: object, name: str, told: Callable[..., str]) -> None:
        original = getattr(owner, name)

        def call(*arguments: object, **options: object) -> object:
            what = told(*arguments)
            seen[what] += 1
            what = what if seen[what] == 1 else f"{what} ({seen[what]})"
            reach(f"before {what}")
            found = original(*arguments, **options)
            reach(f"after {what}")
            return found

        setattr(owner, name, call)

    around(FolderClaims, "add", lambda *_: "the claim")
    around(FolderClaims, "renew", lambda *_: "the lease is given back")
    around(Lake, "create", lambda _, table: f"{table.name} is made sure of")
    around(Lake, "_write", lambda _, table, __, stage, *___: f"{stage} writes {table.name}")
    around(delta_rs, "_commit", lambda _, table, *__: f"a commit of {table.name}")
    delta_rs.PACKED_FILE_BYTES = A_FILE
    lease.Lease._renew = lambda _: None


def run(arguments: Sequence[str]) -> int:
    """The command line in this process; its exit code."""
    sys.argv = ["sigmalake", *arguments]
    try:
        app.main()
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def in_a_child(work: Callable[[], int], log: Path) -> int:
    """The exit code of work in a process of its own, or minus the signal that it died of."""
    child = os.fork()
    if not child:
        with log.open("a") as file:
            for descriptor in (1, 2):
                os.dup2(file.fileno(), descriptor)
        os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def points_of(commands: Sequence[Sequence[str]], folder: Path) -> list[str]:
    """The names of the points that these commands come to, in their order."""
    found = folder / "points.txt"

    def note() -> int:
        with found.open("w") as file:
            hooked(lambda name: print(name, file=file, flush=True))
            return max(run(arguments) for arguments in commands)

    code = in_a_child(note, folder / "points.log")
    if code:
        raise RuntimeError(f"a run that nothing kills ended with {code}: {(folder / 'points.log').read_text()[-2000:]}")
    return list(dict.fromkeys(found.read_text().splitlines()))


def killed_at(point: str, commands: Sequence[Sequence[str]], log: Path) -> int:
    """What a process ends with that dies at a point."""

    def die(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def work() -> int:
        hooked(die)
        return max(run(arguments) for arguments in commands)

    return in_a_child(work, log)


def main() -> None:
    """Kill and run again at some points, each in a copy of a lake.

    Arguments, as one JSON object: commands (arguments of the command line with LAKE for the lake's folder), before (a lake to start
    from, or null), folder (for the lakes, named by the points' numbers), only (every which point; 1: each).
    Prints a JSON object: by point, the exit codes of the run that was to die and of the next one.
    """
    asked = json.loads(sys.argv[1])
    folder = Path(asked["folder"])

    def lake_at(name: str) -> tuple[Path, list[list[str]]]:
        lake = folder / name
        if asked["before"]:
            shutil.copytree(asked["before"], lake)
        return lake, [[argument.replace("LAKE", str(lake)) for argument in command] for command in asked["commands"]]

    _, commands = lake_at("whole")
    points = points_of(commands, folder)
    found = {}
    for number, point in list(enumerate(points))[asked["only"] // 2 :: asked["only"]]:
        _, commands = lake_at(str(number))
        died = killed_at(point, commands, folder / "runs.log")
        again = in_a_child(lambda commands=commands: max(run(arguments) for arguments in commands), folder / "runs.log")
        found[point] = (number, died, again)
    print(json.dumps({"points": points, "killed": found}))


if __name__ == "__main__":
    main()
