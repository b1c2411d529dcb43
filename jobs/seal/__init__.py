"""Sealing a dump, and making the key for it."""
