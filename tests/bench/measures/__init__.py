"""One module a measure; each gives figures with their baselines."""
