"""What a package gives of an estimator of its own, and how its kernel is called: arrays in, a named tuple out."""

from collections.abc import Callable
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel

from sigmalake.numerics.types import Floats


class Estimator(NamedTuple):
    """What an entry point of a group names; docs/your_estimators.md has what the kernel of each group takes and gives."""

    kernel: Callable[..., Any]  # its arrays, then `settings` by name
    settings: type[BaseModel]  # a model that refuses unknown keys and does not change
    version: str  # raised by whoever changes an answer or a default: rows that another version computed are stale


class NotRegisteredError(ValueError):
    """No package registers the name."""


class RegistrationError(ValueError):
    """What an entry point names cannot be imported, or is no `Estimator`."""


class KernelError(Exception):
    """A kernel raised, or gave what is no answer; says which kernel, and what is wrong."""


def check_estimator(found: object, where: str, *, windowed: bool) -> Estimator:
    """What an entry point led to, if it is an estimator.

    Args:
        found: the object.
        where: the entry point, for the message.
        windowed: whether its settings need a `window`.

    Raises:
        RegistrationError: says what is wrong with it.
    """
    if not isinstance(found, Estimator):
        raise RegistrationError(f"{where} is {type(found).__name__}; it must be an Estimator(kernel, settings, version)")
    kernel, settings, version = found
    if not callable(kernel):
        raise RegistrationError(f"{where}: kernel is {kernel!r}; it must be a function")
    if not (isinstance(settings, type) and issubclass(settings, BaseModel)):
        raise RegistrationError(f"{where}: settings is {settings!r}; it must be a class, a pydantic model")
    if settings.model_config.get("extra") != "forbid" or not settings.model_config.get("frozen"):
        raise RegistrationError(f"{where}: {settings.__name__} must have model_config = ConfigDict(extra='forbid', frozen=True)")
    if windowed and not (hasattr(settings, "window") or "window" in settings.model_fields):
        raise RegistrationError(f"{where}: {settings.__name__} has no `window`, a field or property: the periods that are read")
    if not (isinstance(version, str) and version):
        raise RegistrationError(f"{where}: version is {version!r}; it must be text, e.g. '1'")
    return found


class Answer(NamedTuple):
    """What a kernel gave."""

    values: Floats  # its first field
    numbers: dict[str, float]  # its other fields that are single numbers


def call_kernel(name: str, found: Estimator, settings: object, *arrays: np.ndarray, field: str, shape: tuple[int, ...]) -> Answer:
    """The kernel's answer to arrays that it cannot change.

    Args:
        name: of the estimator.
        found: whose kernel.
        settings: of the model that it registered.
        arrays: as the group defines them.
        field: of the named tuple, that holds an array.
        shape: of that array.

    Raises:
        KernelError: the kernel raised, or its answer has another form.
    """
    given = [_read_only(array) for array in arrays]
    try:
        answer = found.kernel(*given, settings=settings)
    except MemoryError:
        raise
    except Exception as error:
        raise KernelError(f"{name} raised {type(error).__name__}: {' '.join(str(error).split())[:300]}") from error
    if not (isinstance(answer, tuple) and hasattr(answer, "_asdict") and hasattr(answer, field)):
        raise KernelError(f"{name} gave {type(answer).__name__}; it must give a named tuple with `{field}`")
    fields = answer._asdict()
    try:
        values = np.asarray(fields.pop(field), dtype=np.float64)
    except (TypeError, ValueError):
        raise KernelError(f"{name}: {field} is no array of numbers") from None
    if values.shape != shape:
        raise KernelError(f"{name}: {field} has shape {values.shape}; it must be {shape}")
    numbers = {key: float(value) for key, value in fields.items() if isinstance(value, int | float | np.number)}
    for key, number in numbers.items():
        if not isfinite(number):
            raise KernelError(f"{name}: {key} is {number}; it must be finite")
    return Answer(values, numbers)


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
