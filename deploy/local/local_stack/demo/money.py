"""Money in words; all sums are whole micro-dollars."""

MICROS_PER_CENT = 10_000


def dollars(usd_micros: int) -> str:
    """Write an amount: whole cents as `$0.42`, anything finer as `$0.0004`."""
    digits = 2 if usd_micros % MICROS_PER_CENT == 0 else 4
    return f"${usd_micros / 1_000_000:.{digits}f}"


def compared(usd_micros: int, other_usd_micros: int | None) -> str:
    """Say how one amount compares with another: `12 % less than $3.20`."""
    if not other_usd_micros:
        return "not known"
    percent = round(100 * (usd_micros - other_usd_micros) / other_usd_micros)
    if percent == 0:
        return f"the same as {dollars(other_usd_micros)}"
    return f"{abs(percent)} % {'more' if percent > 0 else 'less'} than {dollars(other_usd_micros)}"
