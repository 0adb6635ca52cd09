"""One scale for classifiers of harm whose probabilities mean different things."""

SAFE_BELOW = 0.2  # where Yahoo's bands put the end of "harmless"; every other model is mapped to it


def on_common_scale(probability: float, *, safe_below: float) -> float:
    """Map a model's probability so that what it calls harmless lies below 0.2.

    Args:
        probability: As the model gave it, [0, 1].
        safe_below: What still passes with this model, in (0, 1).

    Returns:
        In [0, 1], increasing, 0 at 0, 0.2 at `safe_below`, 1 at 1; linear between.
    """
    if probability <= safe_below:
        return probability * SAFE_BELOW / safe_below
    return SAFE_BELOW + (probability - safe_below) * (1 - SAFE_BELOW) / (1 - safe_below)
