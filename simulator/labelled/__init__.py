"""Clips of known quality: clean, hard but clean, or broken on purpose at three strengths, drawn from a seed.

Whoever judges clips is judged here: `draw.py` makes the list, `film.py` the frames, `injections.py` the faults,
`footage.py` has the real clips. Knows nothing about the evaluator.
"""
