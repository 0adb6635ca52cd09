"""What a clip costs: as the vendor reports it, else the catalogue's price of the length that was ordered."""

from typing import Literal, NamedTuple

from dailies_contracts import ClipRequested
from runtime.catalog import Provider


class Cost(NamedTuple):
    """A charge and who says so."""

    usd_micros: int
    source: Literal["vendor", "catalogue"]


def cost_of(request: ClipRequested, vendor: Provider, *, reported_usd_micros: int | None) -> Cost:
    """Price a finished clip.

    Args:
        request: The order; its prompt carries the vendor's own length.
        vendor: The vendor's entry in the catalogue.
        reported_usd_micros: What the vendor says that it charges, None where it says nothing.

    Returns:
        The vendor's figure, else the catalogue's price; a model that has left the catalogue costs its quote.
    """
    if reported_usd_micros is not None:
        return Cost(reported_usd_micros, "vendor")
    prompt = request.prompt
    model = next((model for model in vendor.model if model.name == request.model), None)
    if model is None:
        return Cost(request.quote_usd_micros, "catalogue")
    ordered = model.ordered_as(prompt)
    try:
        price = ordered.price_usd_micros(duration_s=prompt.duration_s, resolution=prompt.resolution, audio=prompt.audio)
    except KeyError:
        return Cost(request.quote_usd_micros, "catalogue")
    return Cost(price, "catalogue")
