"""Earlywatch: a dead man's switch for scheduled jobs."""

__version__ = "0.1.0"
