"""Stand-ins for the outside world that are too large for a test file."""
