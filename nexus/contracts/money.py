"""Money as integer minor units beside an ISO 4217 currency; decimals appear only where people read or write them."""

from decimal import Decimal

MINOR_DIGITS = {
    "AUD": 2, "BRL": 2, "CAD": 2, "CHF": 2, "CNY": 2, "CZK": 2, "DKK": 2, "EUR": 2, "GBP": 2, "HUF": 2, "INR": 2,
    "JPY": 0, "KRW": 0, "KWD": 3, "MXN": 2, "NOK": 2, "NZD": 2, "PLN": 2, "SEK": 2, "TND": 3, "USD": 2,
}  # fmt: skip
"""Currencies a shop may price in, with the digits after the point (ISO 4217)."""


def as_decimal(amount: int, currency: str) -> Decimal:
    """Minor units as a decimal with exactly the currency's digits: ``1990, "EUR"`` is ``19.90``."""
    return Decimal(amount).scaleb(-MINOR_DIGITS[currency])


def as_text(amount: int, currency: str) -> str:
    """Minor units as clients see them: ``1990, "EUR"`` is ``"19.90"``."""
    digits = MINOR_DIGITS[currency]
    if not digits:
        return str(amount)
    whole, part = divmod(abs(amount), 10**digits)
    return f"{'-' if amount < 0 else ''}{whole}.{part:0{digits}d}"


def as_minor_units(amount: Decimal, currency: str) -> int:
    """
    A decimal amount in minor units.

    :raises ValueError: more digits than the currency has, or not a finite number
    """
    if not amount.is_finite():
        raise ValueError("an amount must be finite")
    scaled = amount.scaleb(MINOR_DIGITS[currency])
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{currency} has {MINOR_DIGITS[currency]} digits after the point")
    return int(scaled)
