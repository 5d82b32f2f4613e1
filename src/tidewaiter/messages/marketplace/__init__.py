"""What a marketplace tells: products, orders and payments, as claims; and orders that name their transport, as declarations."""

from tidewaiter.messages.marketplace.form import MarketplaceForm

__all__ = ["MarketplaceForm"]
