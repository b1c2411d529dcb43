"""Readers: plain functions that turn what a product printed into canonical records; one small file each."""
