"""Pictures of risk: of the factors, of the assets, of holdings, and how right the forecasts were."""
