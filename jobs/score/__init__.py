"""From `features` and `device_models` to `scores`, `anomalies` and `devices`."""
