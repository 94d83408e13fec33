"""Sections of the configuration that are told apart by the name of their estimator, which may be another package's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from sigmalake.numerics.registry.estimator import NotRegisteredError
from sigmalake.numerics.registry.group import Group

DISCRIMINATOR = "estimator"
"""The key whose one word tells the forms of a section apart."""


@dataclass(frozen=True)
class ByName:
    """What stands in `Annotated` beside the base class of a group's sections."""

    group: Group[Any]

    def sections(self) -> list[Any]:
        """All that may stand there."""
        return self.group.sections()

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Ours are pydantic's own; another package's is looked up when it is named."""
        return core_schema.no_info_wrap_validator_function(
            self._validated,
            handler.generate_schema(_ours(self.group)),
            serialization=core_schema.plain_serializer_function_ser_schema(_dumped, info_arg=True),
        )

    def _validated(self, given: Any, ours: Callable[[Any], Any]) -> Any:
        if isinstance(given, self.group.of_others):
            return given
        if isinstance(given, str) and self.group.words is not None:
            return ours(given) if given in self.group.own_words else self._of_another_package(given, {DISCRIMINATOR: given})
        name = given.get(DISCRIMINATOR) if isinstance(given, Mapping) else None
        if name in self.group.own_words and isinstance(given, Mapping):
            if len(given) > 1:
                raise ValueError(f"{name} is without settings: write the word alone, in the place of the section")
            return ours(name)
        if isinstance(name, str) and name not in self.group.own_by_name:
            return self._of_another_package(name, given)
        if isinstance(given, Mapping) and not self.group.own:
            raise PydanticKnownError("union_tag_not_found", {"discriminator": repr(DISCRIMINATOR)})
        return ours(given)

    def _of_another_package(self, name: str, given: Any) -> Any:
        try:
            section: Any = self.group.section(name)
        except NotRegisteredError:
            known = ", ".join(repr(each) for each in self.group.names) or "those that packages register, and none is installed"
            if self.group.words is not None:
                raise PydanticKnownError("enum", {"expected": " or ".join(known.rsplit(", ", 1))}) from None
            raise PydanticKnownError(
                "union_tag_invalid", {"discriminator": repr(DISCRIMINATOR), "tag": name, "expected_tags": known}
            ) from None
        return _alone(self.group, section).validate_python(given)


def _ours(group: Group[Any]) -> Any:
    """What is validated as ours: sections told apart by their names, or words, or nothing but a section of another package."""
    if group.own:
        return _union(group.own)
    return dict[str, Any] if group.words is None else group.words


def _union(sections: Any) -> Any:
    return Annotated[reduce(or_, sections), Field(discriminator=DISCRIMINATOR)]


@cache
def _alone(group: Group[Any], section: Any) -> TypeAdapter[Any]:
    """Of a section, in a union with one of ours where there is one: its name is then in the place of a mistake, as ours are."""
    return TypeAdapter(_union((group.own[0], section)) if group.own else section)


@cache
def _adapter(section: Any) -> TypeAdapter[Any]:
    return TypeAdapter(section)


def _dumped(value: Any, info: core_schema.SerializationInfo) -> Any:
    section: Any = type(value)
    return _adapter(section).dump_python(value, mode=info.mode, exclude_none=info.exclude_none)  # type: ignore[arg-type]
