"""A market of vendors in virtual time, on which the router's own code decides."""
