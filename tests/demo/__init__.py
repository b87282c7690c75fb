"""`make demo`: everything on this machine, a Stripe without money, and an account full of jobs."""
