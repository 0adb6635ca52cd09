"""The evaluator: judges every clip and says why, in numbers and in words.

Between ClipReady and ClipScored. Read `scoring.py` first: it composes one decode, the metrics and the models.
"""
