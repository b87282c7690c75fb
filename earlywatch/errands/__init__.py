"""Conversations with Stripe: short transactions around calls, and none open while Stripe is asked.

Pages, tasks and commands share them, so the transactions are theirs. `now` is an argument.
"""
