"""The contract with Stripe: the same tests against our stand-in and, if asked, Stripe's test mode.

`make test` runs them against `tests/fakes/stripe`. `make test-stripe` runs them against Stripe, as
the account of `TEST_STRIPE_SECRET_KEY`; it leaves products, prices and a portal configuration
there, and takes everything else away again.

What is left out, because Stripe's test mode has no call for it: paying on the page of a checkout
(it is for people, so subscriptions are made with a test card here), outages, lost and repeated
webhooks, the bank's own question, and early warnings of fraud. `tests/fakes/` tests those.
"""
