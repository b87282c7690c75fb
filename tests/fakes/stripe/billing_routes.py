"""The calls about subscriptions, invoices and money."""

import stripe.params as p
import stripe.params.radar as radar_params

from tests.fakes.stripe import (
    ending,
    invoice_calls,
    invoice_items,
    pausing,
    payments,
    previews,
    refunds,
    subscriptions,
)
from tests.fakes.stripe.route import Route, get_one
from tests.fakes.stripe.state import Obj, State


def _items_of(state: State, params: Obj) -> list[Obj]:
    subscription = state.get("subscription", params["subscription"], "subscription")
    data: list[Obj] = subscription["items"]["data"]
    return data


SUBSCRIPTIONS = [
    Route("POST", "/v1/subscriptions", p.SubscriptionCreateParams, subscriptions.create),
    Route("GET", "/v1/subscriptions", p.SubscriptionListParams, subscriptions.list_all),
    Route("GET", "/v1/subscriptions/{}", p.SubscriptionRetrieveParams, get_one("subscription")),
    Route("POST", "/v1/subscriptions/{}", p.SubscriptionUpdateParams, subscriptions.update),
    Route("DELETE", "/v1/subscriptions/{}", p.SubscriptionCancelParams, ending.cancel),
    Route("POST", "/v1/subscriptions/{}/pause", p.SubscriptionPauseParams, pausing.pause),
    Route("POST", "/v1/subscriptions/{}/resume", p.SubscriptionResumeParams, pausing.resume),
    Route("GET", "/v1/subscription_items", p.SubscriptionItemListParams, _items_of),
    Route(
        "GET",
        "/v1/subscription_items/{}",
        p.SubscriptionItemRetrieveParams,
        get_one("subscription_item"),
    ),
]

INVOICES = [
    Route(
        "POST", "/v1/invoices/create_preview", p.InvoiceCreatePreviewParams, previews.create_preview
    ),
    Route("POST", "/v1/invoices", p.InvoiceCreateParams, invoice_calls.create),
    Route("GET", "/v1/invoices", p.InvoiceListParams, invoice_calls.list_all),
    Route("GET", "/v1/invoices/{}", p.InvoiceRetrieveParams, get_one("invoice")),
    Route("POST", "/v1/invoices/{}", p.InvoiceUpdateParams, invoice_calls.update),
    Route("DELETE", "/v1/invoices/{}", p.InvoiceDeleteParams, invoice_calls.delete),
    Route(
        "POST",
        "/v1/invoices/{}/finalize",
        p.InvoiceFinalizeInvoiceParams,
        invoice_calls.finalize,
    ),
    Route("POST", "/v1/invoices/{}/pay", p.InvoicePayParams, invoice_calls.pay),
    Route("POST", "/v1/invoices/{}/void", p.InvoiceVoidInvoiceParams, invoice_calls.void),
    Route(
        "POST",
        "/v1/invoices/{}/mark_uncollectible",
        p.InvoiceMarkUncollectibleParams,
        invoice_calls.mark_uncollectible,
    ),
    Route("GET", "/v1/invoices/{}/lines", p.InvoiceLineItemListParams, invoice_calls.list_lines),
    Route("GET", "/v1/invoice_payments", p.InvoicePaymentListParams, invoice_calls.list_payments),
    Route(
        "GET",
        "/v1/invoice_payments/{}",
        p.InvoicePaymentRetrieveParams,
        get_one("invoice_payment"),
    ),
    Route("POST", "/v1/invoiceitems", p.InvoiceItemCreateParams, invoice_items.create),
    Route("GET", "/v1/invoiceitems", p.InvoiceItemListParams, invoice_items.list_all),
    Route("GET", "/v1/invoiceitems/{}", p.InvoiceItemRetrieveParams, get_one("invoiceitem")),
    Route("DELETE", "/v1/invoiceitems/{}", p.InvoiceItemDeleteParams, invoice_items.delete),
]

MONEY = [
    Route("GET", "/v1/payment_intents", p.PaymentIntentListParams, payments.list_intents),
    Route(
        "GET", "/v1/payment_intents/{}", p.PaymentIntentRetrieveParams, get_one("payment_intent")
    ),
    Route("GET", "/v1/charges", p.ChargeListParams, payments.list_charges),
    Route("GET", "/v1/charges/{}", p.ChargeRetrieveParams, get_one("charge")),
    Route("POST", "/v1/refunds", p.RefundCreateParams, refunds.create),
    Route("GET", "/v1/refunds", p.RefundListParams, refunds.list_all),
    Route("GET", "/v1/refunds/{}", p.RefundRetrieveParams, get_one("refund")),
    Route("GET", "/v1/disputes", p.DisputeListParams, refunds.list_of("dispute")),
    Route("GET", "/v1/disputes/{}", p.DisputeRetrieveParams, get_one("dispute")),
    Route(
        "GET",
        "/v1/radar/early_fraud_warnings",
        radar_params.EarlyFraudWarningListParams,
        refunds.list_of("radar.early_fraud_warning"),
    ),
    Route(
        "GET",
        "/v1/radar/early_fraud_warnings/{}",
        radar_params.EarlyFraudWarningRetrieveParams,
        get_one("radar.early_fraud_warning"),
    ),
]
