"""Call-backs of providers: proven, recorded, and answered at once. A worker does the rest."""

from earlywatch.webhooks import stripe

BLUEPRINTS = (stripe.bp,)
