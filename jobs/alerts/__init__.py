"""Telling people: one message when an episode starts, when it grows worse, and when it is over."""
