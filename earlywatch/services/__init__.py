"""Use cases: (session, …, now) → result. They never commit and never read the clock."""
