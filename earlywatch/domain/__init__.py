"""The rules, pure: no clock, no I/O, immutable in and immutable out."""
