"""`uda backtest`: what the detector would have said of a history, walking forward."""
