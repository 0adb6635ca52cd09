"""What the asset store decides: names, framing, records. Pure."""
