"""The vendors, one file each, and the shared parts that touch network, disk or key-value."""
