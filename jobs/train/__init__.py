"""From `features` to `device_models`."""
