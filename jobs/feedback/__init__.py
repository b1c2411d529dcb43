"""`uda feedback`: what a person says of an anomaly, as a landing file."""
