"""What this machine has free: memory, under the limits of the control groups that the process is in, and disk."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sigmalake.config.stores.uri import is_uri

_PROC, _GROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_USED = ("memory.max", "memory.current", "inactive_file")
_USED_BY_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def free_memory(proc: Path = _PROC, groups: Path = _GROUPS) -> int | None:
    """Bytes that new processes can take before the machine swaps or a control group is out of memory; None: it cannot be told.

    Args:
        proc: where the system tells of itself and of this process.
        groups: where it tells of control groups.
    """
    found = list(_below_limits(proc, groups))
    try:
        lines = (proc / "meminfo").read_text().splitlines()
    except OSError:  # no Linux
        return min(found, default=None)
    return min([*found, *(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))], default=None)


def free_disk(folder: str | Path) -> int | None:
    """Bytes free where a folder is, or will be; None behind a URI."""
    if is_uri(str(folder)):
        return None
    path = Path(os.path.realpath(folder))
    there = next(above for above in (path, *path.parents) if above.exists())
    return shutil.disk_usage(there).free


def _below_limits(proc: Path, groups: Path) -> Iterator[int]:
    """What each limited control group above this process has left; files in its cache give way."""
    try:
        memberships = [line.split(":", 2) for line in (proc / "self" / "cgroup").read_text().splitlines()]
    except OSError:
        return
    for _, controllers, path in memberships:
        if controllers == "memory":
            root, names = groups / "memory", _USED_BY_VERSION_1
        elif controllers == "":
            root, names = groups, _USED
        else:
            continue
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(root) and (left := _left(folder, *names)) is not None:
                yield left


def _left(folder: Path, limit: str, used: str, cache: str) -> int | None:
    """Bytes that a control group has left; None without a limit."""
    try:
        most, now = (folder / limit).read_text().strip(), int((folder / used).read_text())
        counts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # the root has none, or the group is not seen from here
        return None
    return max(0, int(most) - now + int(counts.get(cache, 0))) if most.isdecimal() else None
