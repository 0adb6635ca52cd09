"""A scorer that looks at nothing: only for measuring how fast the pipeline around it is.

Its model ids say so in every score; never use it for real jobs.
"""

from dailies_contracts import ClipReady, Scores

from evaluator.domain.verdict import SCORER_VERSION

MODEL = "constant-benchmark-only"
SCORE = 0.9


class ConstantScores:
    """Gives every clip the same passing scores at once."""

    async def score(self, event: ClipReady) -> Scores:
        """Give the constant."""
        del event
        return Scores(
            alignment=SCORE,
            motion=SCORE,
            aesthetic=SCORE,
            safety=1.0,
            aggregate=SCORE,
            passed=True,
            scorer_version=f"{SCORER_VERSION} {MODEL}",
            reasons=("Not looked at: the constant scorer is for benchmarks only.",),
            flags=("constant_scorer",),
            models=dict.fromkeys(("alignment", "motion", "aesthetic", "safety"), MODEL),
        )
