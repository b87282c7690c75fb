"""Open pages hear at once when something changed."""
