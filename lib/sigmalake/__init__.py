"""An equity factor risk model, estimated on one machine or on Spark and kept in Delta tables."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sigmalake.api.fit import fit
    from sigmalake.reader.open_release import open_release

__version__ = "0.1.0"
__all__ = ["fit", "open_release"]

_MODULES = {"fit": "sigmalake.api.fit", "open_release": "sigmalake.reader.open_release"}  # imported when a name is first asked for


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; its names are {', '.join(__all__)}")
    found = getattr(import_module(_MODULES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
