"""Unusual data activity in backup fleets. Importing this starts nothing and sets nothing."""

__version__ = "0.1.0"
