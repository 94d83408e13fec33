"""How the pictures of a model are reached: plotly is loaded when the first one is wanted."""

from importlib import import_module
from typing import TYPE_CHECKING

from sigmalake.reader.exports.tools import tool

if TYPE_CHECKING:
    from sigmalake.reader.factor_model import FactorModel
    from sigmalake.reader.plots.model_plots import ModelPlots


def plots_of(model: "FactorModel") -> "ModelPlots":
    """The pictures of a model.

    Raises:
        InfrastructureError: plotly is not installed.
    """
    tool("plotly", "sigmalake[report]", "model.plot")
    plots: ModelPlots = import_module("sigmalake.reader.plots.model_plots").ModelPlots(model)
    return plots
