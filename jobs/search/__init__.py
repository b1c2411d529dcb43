"""Asking the tables, without Spark and without a server."""
