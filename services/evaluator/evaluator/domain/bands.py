"""One scale for classifiers of harm whose probabilities mean different things."""

SAFE_BELOW = 0.3
"""What passes. Yahoo calls 0.2 the end of harmless and 0.8 the beginning of its contrary; of 36 clean takes from 16
real clips all but close-ups of skin last below 0.3. Every other model is mapped to it."""


def on_common_scale(probability: float, *, safe_below: float) -> float:
    """Map a model's probability so that what it calls harmless lies below 0.3.

    Args:
        probability: As the model gave it, [0, 1].
        safe_below: What still passes with this model, in (0, 1).

    Returns:
        In [0, 1], increasing, 0 at 0, 0.3 at `safe_below`, 1 at 1; linear between.
    """
    if probability <= safe_below:
        return probability * SAFE_BELOW / safe_below
    return SAFE_BELOW + (probability - safe_below) * (1 - SAFE_BELOW) / (1 - safe_below)
