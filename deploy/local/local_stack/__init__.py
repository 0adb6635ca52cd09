"""Dailies on one machine: every part and every service as its own process, from pip packages alone."""
