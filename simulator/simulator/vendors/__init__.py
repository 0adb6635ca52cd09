"""The vendors, one file each; `VENDORS` is what the simulator serves."""

from simulator.vendors.base import Vendor
from simulator.vendors.kling import Kling
from simulator.vendors.veo import Veo

VENDORS: tuple[type[Vendor], ...] = (Kling, Veo)

__all__ = ["VENDORS", "Vendor"]
