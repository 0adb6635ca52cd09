"""The vendors, one file each, found by themselves; `VENDORS` is what the simulator serves."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from simulator.vendors.base import Vendor


def _found() -> Iterator[type[Vendor]]:
    for module in sorted(iter_modules(__path__), key=lambda each: each.name):
        contents = vars(import_module(f"{__name__}.{module.name}")).values()
        kinds = (each for each in contents if isinstance(each, type) and issubclass(each, Vendor))
        yield from (kind for kind in kinds if kind.__module__ == f"{__name__}.{module.name}" and kind is not Vendor)


VENDORS: tuple[type[Vendor], ...] = tuple(_found())

__all__ = ["VENDORS", "Vendor"]
