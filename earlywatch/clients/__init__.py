"""The doors to the outside world. Each keeps its own time limits."""
