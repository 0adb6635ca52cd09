"""A figure with its baseline and its rounds, and how it is printed."""

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple


class Figure(NamedTuple):
    """One measured quantity.

    Attributes:
        runs: The value of every round; the figure is their median.
        baseline: The same of the baseline, measured in the same run; None where there is none.
    """

    name: str
    unit: str
    runs: tuple[float, ...]
    baseline: float | None = None
    note: str = ""

    @property
    def value(self) -> float:
        """Median over the rounds."""
        return statistics.median(self.runs)

    def as_dict(self) -> dict[str, Any]:
        """Give the figure as the JSON file has it."""
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "baseline": None if self.baseline is None else round(self.baseline, 4),
            "runs": [round(run, 4) for run in self.runs],
            "note": self.note,
        }


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which a share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def render(figures: Sequence[Figure]) -> str:
    """Draw figures as a table."""
    lines = []
    for figure in figures:
        ratio = f"{figure.value / figure.baseline:6.2f} x baseline {figure.baseline:,.2f}" if figure.baseline else ""
        rounds = " ".join(f"{run:,.1f}" for run in figure.runs)
        lines.append(f"  {figure.name:<38}{figure.value:>12,.2f} {figure.unit:<8}{ratio:<34} [{rounds}] {figure.note}")
    return "\n".join(lines)
