"""Every dialect that an adapter speaks, found by its golden folder: what suites over all vendors run over."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from runtime.catalog import Model, load_catalog

ROOT = Path(__file__).parents[3]
CATALOG = ROOT / "deploy" / "catalog.toml"
GOLDEN = ROOT / "tests" / "contract" / "provider_workers" / "golden"


class Dialect(NamedTuple):
    """One adapter with the cheapest order that it takes from text alone.

    Attributes:
        adapter: Its name in the worker's registry.
        provider: Its vendor in the catalogue.
        model: A model of the vendor.
        prompt: Fields of `compiled_prompt` for it.
    """

    adapter: str
    provider: str
    model: str
    prompt: dict[str, Any]


def dialects(catalog: Path = CATALOG, golden: Path = GOLDEN) -> dict[str, Dialect]:
    """Find every dialect by the name of its adapter.

    Args:
        catalog: Vendors and models.
        golden: Folders of the adapters; `orders` of an `account.json` are further fields of every order.
    """
    vendors = {vendor.name: vendor for vendor in load_catalog(catalog).provider}
    found = {}
    for folder in sorted(path for path in golden.iterdir() if path.is_dir()):
        account = json.loads((folder / "account.json").read_text())
        vendor = vendors[account["account"]["provider"]]
        model = next(model for model in vendor.model if not model.needs_first_frame)
        prompt = _cheapest(model) | account.get("orders", {})
        found[account["adapter"]] = Dialect(account["adapter"], vendor.name, model.name, prompt)
    return found


def _cheapest(model: Model) -> dict[str, Any]:
    resolution = model.resolutions[0]
    aspect = "16:9" if "16:9" in model.aspect_ratios else model.aspect_ratios[0]
    return {"duration_s": min(model.durations_at(resolution)), "resolution": resolution, "aspect_ratio": aspect}
