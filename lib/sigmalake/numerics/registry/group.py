"""A group of estimators: the sections of the configuration that may stand in one place, by the names of their estimators.

Ours are listed in code. Another package's is found by an entry point, only when a name is not one of ours or when all are asked
for: looking entry points up takes milliseconds. What leaves this process carries the module and the name that the entry point led
to, since a process elsewhere may have the package without its metadata.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Generic, Literal, TypeVar

from sigmalake.numerics.registry.estimator import Estimator, NotRegisteredError, RegistrationError, check_estimator
from sigmalake.numerics.settings import described, setting

Section = TypeVar("Section")


class Registered:
    """What the section of another package's estimator has beside its settings; each has a class of its own."""

    found: ClassVar[Estimator]
    reference: ClassVar[str]  # module:name
    version: ClassVar[str]  # of the package's kernel
    windowed: ClassVar[bool] = True  # whether its settings need a `window`
    estimator: str
    settings: Any

    def __reduce__(self) -> tuple[Any, ...]:
        """By module and name: its class is made in each process."""
        base = type(self).__bases__[0]
        values = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]  # each is a dataclass
        return _again, (base, self.estimator, self.reference, values)


@dataclass(frozen=True)
class Group(Generic[Section]):
    """The estimators of one kind."""

    name: str  # of the entry points' group
    own: Sequence[type[Section]]  # sections of ours, each with its name as the default of `estimator`
    of_others: type[Section]  # the base of another package's sections, `Registered` with the layers that may follow
    words: type[StrEnum] | None = None  # ours without settings: the word stands in the place of a section

    def section(self, name: str) -> type[Section]:
        """The section of an estimator.

        Raises:
            NotRegisteredError: nobody registers the name.
            RegistrationError: what its entry point names cannot be used.
        """
        if name in (ours := self.own_by_name):
            return ours[name]
        found = self._entry_points(name)
        if not found:
            raise NotRegisteredError(name)
        if len({point.value for point in found}) > 1:
            packages = ", ".join(sorted(_package(point) for point in found))
            raise RegistrationError(f"estimator {name!r} is registered by {packages}; uninstall all but one")
        return self._section_of(found[0])

    def sections(self) -> list[type[Section]]:
        """Ours, then those of other packages by name, without those that cannot be imported: naming one says why."""
        found = list(self.own)
        for name in self._others:
            try:
                found.append(self.section(name))
            except RegistrationError:
                continue
        return found

    @property
    def own_by_name(self) -> dict[str, type[Section]]:
        """Ours."""
        return {section.estimator: section for section in self.own}  # type: ignore[attr-defined]  # the default of the field

    @property
    def names(self) -> list[str]:
        """All that may be named, ours first; nothing is imported for it."""
        return [*self.own_by_name, *self.own_words, *self._others]

    @property
    def own_words(self) -> list[str]:
        """Ours that are words alone."""
        return [] if self.words is None else [str(word) for word in self.words]

    @property
    def _others(self) -> list[str]:
        named = {point.name for point in entry_points(group=self.name)}
        return sorted(named - self.own_by_name.keys() - set(self.own_words))

    def _entry_points(self, name: str) -> list[EntryPoint]:
        return list(entry_points(group=self.name, name=name))

    def _section_of(self, point: EntryPoint) -> type[Section]:
        if not point.name.isidentifier():
            raise RegistrationError(f"estimator {point.name!r} of {_package(point)}: a name has letters, digits and _ only")
        try:
            point.load()
        except Exception as error:
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            raise RegistrationError(
                f"estimator {point.name!r} of {_package(point)}: {point.value} cannot be imported: {said}"
            ) from error
        base: Any = self.of_others
        found: type[Section] = section_of(base, point.name, f"{point.module}:{point.attr}")
        return found


@cache
def section_of(base: Any, name: str, reference: str) -> Any:
    """The section of an estimator that is found by module and name.

    Raises:
        RegistrationError: that is no estimator.
    """
    module, _, attribute = reference.partition(":")
    try:
        found: Any = import_module(module)
        for part in filter(None, attribute.split(".")):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise RegistrationError(
            f"estimator {name!r}: {reference} cannot be imported: {error}; "
            "on a cluster executors need the package, too, installed or by --py-files"
        ) from error
    estimator = check_estimator(found, f"estimator {name!r} ({reference})", windowed=base.windowed)
    own = [
        ("estimator", Literal[name], setting(name, "name of the estimator; it must be given with the section")),
        ("settings", estimator.settings, _settings_field(estimator.settings)),
    ]
    body = {"__pydantic_config__": {"extra": "forbid"}, "found": estimator, "reference": reference, "version": estimator.version}
    made = make_dataclass(f"{name}_{base.__name__}", own, bases=(base,), namespace=body, frozen=True, kw_only=True)
    made.__doc__ = (estimator.kernel.__doc__ or f"`{reference}`.").strip().splitlines()[0]
    return made


def _settings_field(model: Any) -> Any:
    """Required where one of its keys is."""
    metadata = described("settings of the estimator, as its package defines them")
    if any(one.is_required() for one in model.model_fields.values()):
        return field(metadata=metadata)
    return field(default_factory=model, metadata=metadata)


def _again(base: type, name: str, reference: str, values: dict[str, Any]) -> Any:
    return section_of(base, name, reference)(**values)


def _package(point: EntryPoint) -> str:
    return "an unknown package" if point.dist is None else f"the package {point.dist.name} {point.dist.version}"
