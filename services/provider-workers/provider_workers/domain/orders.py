"""The router's order in the form that adapters take."""

from dailies_contracts import ClipRequested

from provider_workers.domain.adapter import Image, Order


def order_of(request: ClipRequested, *, first_frame: Image | None, callback_url: str, n_samples: int = 1) -> Order:
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
        first_frame=first_frame,
        callback_url=callback_url,
        parameters=dict(prompt.parameters),
        n_samples=n_samples,
    )
