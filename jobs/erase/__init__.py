"""Erasing one device or tenant from a lake."""
