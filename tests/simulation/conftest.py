"""The market on which the router's own code decides."""

import sys
from pathlib import Path

import pytest
from runtime.catalog import Catalog, load_catalog

sys.path.insert(0, str(Path(__file__).parent))

from market.jobs import Prompts

CATALOG = Path(__file__).parents[2] / "deploy" / "catalog.toml"


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog(CATALOG)


@pytest.fixture(scope="session")
def prompts(catalog: Catalog) -> Prompts:
    return Prompts(catalog)
