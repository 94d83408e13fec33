"""Other people's packages, which this one does not depend on: imported when a user first needs them."""

from importlib import import_module
from types import ModuleType

from sigmalake.errors import ConfigError


def tool(module: str, install: str) -> ModuleType:
    """The module of a package that is installed on request.

    Args:
        module: to import.
        install: what pip installs it by.

    Raises:
        ConfigError: it is not installed; says what to install.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(f"{module} cannot be imported ({error}); install it: pip install '{install}'") from error
