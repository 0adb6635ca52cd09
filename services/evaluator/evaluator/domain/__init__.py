"""The metrics: pure functions over arrays, one module each."""
