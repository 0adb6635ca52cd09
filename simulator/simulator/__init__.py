"""The vendors, simulated: HTTP APIs that bill, fail and render like the real ones."""
