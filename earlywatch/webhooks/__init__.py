"""Call-backs of providers: proven, recorded, and answered at once. A worker does the rest."""

from earlywatch.webhooks import slack, stripe, telegram, twilio

BLUEPRINTS = (slack.bp, stripe.bp, telegram.bp, twilio.bp)
