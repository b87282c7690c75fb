"""Which request goes where, and which parameters it takes: those of the SDK's own types."""

import stripe.params as p
import stripe.params.billing_portal as portal_params
import stripe.params.checkout as checkout_params

from tests.fakes.stripe import (
    catalog,
    checkout,
    customers,
    discounts,
    ending,
    endpoints,
    payment_methods,
    portal,
)
from tests.fakes.stripe.billing_routes import INVOICES, MONEY, SUBSCRIPTIONS
from tests.fakes.stripe.route import Route, get_all, get_one
from tests.fakes.stripe.state import Obj, State


def _customer(state: State, _params: Obj, key: str) -> Obj:
    customer = state.get("customer", key)
    if customer.get("deleted"):
        return {name: customer[name] for name in ("id", "object", "deleted")}
    return customer


def _cards_of(state: State, params: Obj, key: str) -> list[Obj]:
    return payment_methods.list_all(state, params, key)


CUSTOMERS = [
    Route("POST", "/v1/customers", p.CustomerCreateParams, customers.create),
    Route("GET", "/v1/customers", p.CustomerListParams, customers.list_all),
    Route("GET", "/v1/customers/{}", p.CustomerRetrieveParams, _customer),
    Route("POST", "/v1/customers/{}", p.CustomerUpdateParams, customers.update),
    Route("DELETE", "/v1/customers/{}", p.CustomerDeleteParams, ending.delete_customer),
    Route(
        "POST",
        "/v1/customers/{}/balance_transactions",
        p.CustomerBalanceTransactionCreateParams,
        customers.create_balance_transaction,
    ),
    Route(
        "GET",
        "/v1/customers/{}/balance_transactions",
        p.CustomerBalanceTransactionListParams,
        customers.list_balance_transactions,
    ),
    Route(
        "GET",
        "/v1/customers/{}/balance_transactions/{}",
        p.CustomerBalanceTransactionRetrieveParams,
        customers.retrieve_balance_transaction,
    ),
    Route("GET", "/v1/customers/{}/payment_methods", p.CustomerPaymentMethodListParams, _cards_of),
    Route(
        "GET",
        "/v1/customers/{}/payment_methods/{}",
        p.CustomerPaymentMethodRetrieveParams,
        payment_methods.retrieve_of_customer,
    ),
    Route("POST", "/v1/payment_methods", p.PaymentMethodCreateParams, payment_methods.create),
    Route("GET", "/v1/payment_methods", p.PaymentMethodListParams, payment_methods.list_all),
    Route(
        "GET", "/v1/payment_methods/{}", p.PaymentMethodRetrieveParams, get_one("payment_method")
    ),
    Route("POST", "/v1/payment_methods/{}", p.PaymentMethodUpdateParams, payment_methods.update),
    Route(
        "POST",
        "/v1/payment_methods/{}/attach",
        p.PaymentMethodAttachParams,
        payment_methods.attach,
    ),
    Route(
        "POST",
        "/v1/payment_methods/{}/detach",
        p.PaymentMethodDetachParams,
        payment_methods.detach,
    ),
]

CATALOG = [
    Route("POST", "/v1/products", p.ProductCreateParams, catalog.create_product),
    Route("GET", "/v1/products", p.ProductListParams, catalog.list_products),
    Route("GET", "/v1/products/{}", p.ProductRetrieveParams, get_one("product")),
    Route("POST", "/v1/products/{}", p.ProductUpdateParams, catalog.update_product),
    Route("POST", "/v1/prices", p.PriceCreateParams, catalog.create_price),
    Route("GET", "/v1/prices", p.PriceListParams, catalog.list_prices),
    Route("GET", "/v1/prices/{}", p.PriceRetrieveParams, get_one("price")),
    Route("POST", "/v1/prices/{}", p.PriceUpdateParams, catalog.update_price),
    Route("POST", "/v1/coupons", p.CouponCreateParams, discounts.create_coupon),
    Route("GET", "/v1/coupons", p.CouponListParams, get_all("coupon")),
    Route("GET", "/v1/coupons/{}", p.CouponRetrieveParams, get_one("coupon")),
    Route(
        "POST", "/v1/promotion_codes", p.PromotionCodeCreateParams, discounts.create_promotion_code
    ),
    Route("GET", "/v1/promotion_codes", p.PromotionCodeListParams, discounts.list_promotion_codes),
    Route(
        "GET", "/v1/promotion_codes/{}", p.PromotionCodeRetrieveParams, get_one("promotion_code")
    ),
]

CHECKOUT = [
    Route("POST", "/v1/checkout/sessions", checkout_params.SessionCreateParams, checkout.create),
    Route("GET", "/v1/checkout/sessions", checkout_params.SessionListParams, checkout.list_all),
    Route(
        "GET",
        "/v1/checkout/sessions/{}",
        checkout_params.SessionRetrieveParams,
        get_one("checkout.session"),
    ),
    Route(
        "POST",
        "/v1/checkout/sessions/{}/expire",
        checkout_params.SessionExpireParams,
        checkout.expire,
    ),
    Route(
        "GET",
        "/v1/checkout/sessions/{}/line_items",
        checkout_params.SessionLineItemListParams,
        checkout.list_line_items,
    ),
    Route(
        "POST",
        "/v1/billing_portal/sessions",
        portal_params.SessionCreateParams,
        portal.create_session,
    ),
    Route(
        "POST",
        "/v1/billing_portal/configurations",
        portal_params.ConfigurationCreateParams,
        portal.create_configuration,
    ),
    Route(
        "GET",
        "/v1/billing_portal/configurations",
        portal_params.ConfigurationListParams,
        portal.list_configurations,
    ),
    Route(
        "GET",
        "/v1/billing_portal/configurations/{}",
        portal_params.ConfigurationRetrieveParams,
        get_one("billing_portal.configuration"),
    ),
    Route(
        "POST",
        "/v1/billing_portal/configurations/{}",
        portal_params.ConfigurationUpdateParams,
        portal.update_configuration,
    ),
]

EVENTS = [
    Route("POST", "/v1/webhook_endpoints", p.WebhookEndpointCreateParams, endpoints.create),
    Route("GET", "/v1/webhook_endpoints", p.WebhookEndpointListParams, get_all("webhook_endpoint")),
    Route(
        "GET",
        "/v1/webhook_endpoints/{}",
        p.WebhookEndpointRetrieveParams,
        get_one("webhook_endpoint"),
    ),
    Route("POST", "/v1/webhook_endpoints/{}", p.WebhookEndpointUpdateParams, endpoints.update),
    Route("DELETE", "/v1/webhook_endpoints/{}", p.WebhookEndpointDeleteParams, endpoints.delete),
    Route("GET", "/v1/events", p.EventListParams, endpoints.list_events),
    Route("GET", "/v1/events/{}", p.EventRetrieveParams, get_one("event")),
]

ROUTES = [*CUSTOMERS, *CATALOG, *CHECKOUT, *SUBSCRIPTIONS, *INVOICES, *MONEY, *EVENTS]


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """Return the call for a request and the ids in its path; None if Stripe has no such."""
    for route in ROUTES:
        ids = route.ids(method, path)
        if ids is not None:
            return route, ids
    return None
