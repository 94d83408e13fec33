"""How the pictures of a model are reached: plotly is loaded when the first one is wanted."""

from importlib import import_module
from typing import TYPE_CHECKING

from sigmalake.errors import ConfigError

if TYPE_CHECKING:
    from sigmalake.reader.factor_model import FactorModel
    from sigmalake.reader.plots.model_plots import ModelPlots


def plots_of(model: "FactorModel") -> "ModelPlots":
    """The pictures of a model.

    Raises:
        ConfigError: plotly is not installed.
    """
    try:
        module = import_module("sigmalake.reader.plots.model_plots")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "plotly":
            raise
        raise ConfigError("model.plot needs plotly, which is not installed; `pip install 'sigmalake[report]'` brings it") from None
    plots: ModelPlots = module.ModelPlots(model)
    return plots
