"""`python -m earlywatch` is the `earlywatch` command."""

from earlywatch.cli import main

main()
