"""One premium job before everybody's eyes: `python -m local_stack demo`."""
