"""Other people's packages, which this one does not depend on: imported when a user first needs them."""

from importlib import import_module
from types import ModuleType

from sigmalake.errors import InfrastructureError


def tool(module: str, install: str, purpose: str) -> ModuleType:
    """The module of a package that is installed on request.

    Args:
        module: to import.
        install: what pip installs it by.
        purpose: what needs it, for the message.

    Raises:
        InfrastructureError: it is not installed, as a Java may not be: neither the command nor the configuration is wrong.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InfrastructureError(
            f"{purpose} needs {module.partition('.')[0]}, which cannot be imported ({error}): pip install '{install}'"
        ) from error
