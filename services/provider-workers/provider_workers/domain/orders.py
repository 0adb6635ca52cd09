"""The router's order in the form that adapters take."""

from typing import NamedTuple

from dailies_contracts import ClipRequested

from provider_workers.domain.adapter import Image, Order


class Images(NamedTuple):
    """The pictures of an order, fetched."""

    first_frame: Image | None = None
    last_frame: Image | None = None
    references: tuple[Image, ...] = ()


def order_of(request: ClipRequested, *, images: Images, callback_url: str, n_samples: int = 1) -> Order:
    """Turn ClipRequested into an adapter's order; the clip id is our reference at the vendor."""
    prompt = request.prompt
    return Order(
        reference=request.clip_id,
        model=request.model,
        prompt=prompt.prompt,
        negative_prompt=prompt.negative_prompt,
        duration_s=prompt.duration_s,
        aspect_ratio=prompt.aspect_ratio,
        resolution=prompt.resolution,
        audio=prompt.audio,
        camera=prompt.camera,
        seed=request.seed,
        first_frame=images.first_frame,
        last_frame=images.last_frame,
        references=images.references,
        callback_url=callback_url,
        parameters=dict(prompt.parameters),
        n_samples=n_samples,
    )
