"""Everything that touches a file, a model or a device."""
