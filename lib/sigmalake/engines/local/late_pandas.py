"""pandas is loaded by what needs it, and by nothing else: a run of the local engine moves Arrow tables from end to end.

Arrow loads pandas with the first array that it makes, to know objects of pandas by their types. That takes longer than Arrow and
numpy together.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

import pyarrow as pa

PANDAS = "pandas"


def load_pandas_late() -> None:
    """Have Arrow do without pandas until something imports it; from then on Arrow knows its objects as ever."""
    if PANDAS in sys.modules:
        return
    sys.meta_path.insert(0, refused := _Refused())
    pa.array([0])  # where Arrow finds no pandas, it does not look again by itself
    sys.meta_path[sys.meta_path.index(refused)] = _ShownToArrow()


class _Refused(MetaPathFinder):
    """An import hook that hides pandas."""

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None) -> None:
        """Refuse the import of pandas, and leave others to the finders behind.

        Raises:
            ImportError: pandas is looked for.
        """
        if name == PANDAS:
            raise ImportError(name)


class _ShownToArrow(MetaPathFinder):
    """An import hook that lets pandas be imported, and has Arrow look for it again once it is loaded."""

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """The module of pandas as other finders find it, until it is loaded: who only looks whether it is there changes nothing."""
        if name != PANDAS:
            return None
        place = sys.meta_path.index(self)
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            sys.meta_path.insert(place, self)
            load = spec.loader.exec_module

            def load_and_show(module: ModuleType) -> None:
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                load(module)
                pa.array([0]).to_pandas()

            spec.loader.exec_module = load_and_show  # type: ignore[method-assign]
        return spec
