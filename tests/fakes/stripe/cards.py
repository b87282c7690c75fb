"""Stripe's test cards: what a number does."""

from dataclasses import dataclass
from enum import Enum

from tests.fakes.stripe.errors import Refused, card_refused


class Situation(Enum):
    """Who is there when a card is charged."""

    CHECKOUT = "checkout"  # the person, on the page where the card was typed
    CONFIRMED = "confirmed"  # the person, who has just confirmed at the bank
    PRESENT = "present"  # the person, paying an open invoice with a stored card
    AWAY = "away"  # nobody: renewals, retries, calls of the API


class Outcome(Enum):
    """What came of a charge."""

    PAID = "paid"
    DECLINED = "declined"
    NEEDS_PERSON = "needs_person"


@dataclass(frozen=True)
class Card:
    """A card number and how it behaves."""

    number: str
    brand: str = "visa"
    refuses_attach: bool = False
    refuses_later: bool = False  # the first payment on Checkout still goes through
    asks_bank: bool = False
    disputed: bool = False  # a minute after each payment
    warned: bool = False  # a minute after each payment
    decline_code: str = "generic_decline"

    @property
    def last4(self) -> str:
        """The four digits that people see."""
        return self.number[-4:]

    def charge(self, situation: Situation) -> Outcome:
        """Return what happens when this card is charged."""
        if self.refuses_attach or (self.refuses_later and situation is not Situation.CHECKOUT):
            return Outcome.DECLINED
        if self.asks_bank and situation is not Situation.CONFIRMED:
            return Outcome.NEEDS_PERSON
        return Outcome.PAID

    @property
    def decline(self) -> Refused:
        """The error of a declined charge."""
        if self.decline_code == "expired_card":
            return card_refused("expired_card", "Your card has expired.", "expired_card")
        words = "Your card has insufficient funds."
        if self.decline_code != "insufficient_funds":
            words = "Your card was declined."
        return card_refused("card_declined", words, self.decline_code)


WORKING = Card("4242424242424242")
CARDS = {
    card.number: card
    for card in (
        WORKING,
        Card("5555555555554444", brand="mastercard"),
        Card("4000000000000002", refuses_attach=True),
        Card("4000000000009995", refuses_attach=True, decline_code="insufficient_funds"),
        Card("4000000000000069", refuses_attach=True, decline_code="expired_card"),
        Card("4000000000000341", refuses_later=True),
        Card("4000002500003155", asks_bank=True),
        Card("4000000000000259", disputed=True),
        Card("4000000000005423", warned=True),
    )
}

# The names that Stripe's test mode knows, so that a test needs no page to get a card.
NAMED = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_authenticationRequired": "4000002500003155",
    "pm_card_createDispute": "4000000000000259",
}


def find_card(typed: str) -> Card | None:
    """Return the card with this number, spaces allowed; None if Stripe's docs know no such."""
    return CARDS.get("".join(typed.split()))
