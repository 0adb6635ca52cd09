"""Money in words; all sums are whole micro-dollars."""

USD_MICROS = 1_000_000


def dollars(usd_micros: int) -> str:
    """Write an amount for people, for example `$0.42` or `$0.0004`."""
    cents_exactly = usd_micros % 10_000 == 0
    return f"${usd_micros / USD_MICROS:.2f}" if cents_exactly else f"${usd_micros / USD_MICROS:.4f}"
