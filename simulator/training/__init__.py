"""Training of the small CLIP that the embedded evaluator ships; run once, by hand, never in production."""
