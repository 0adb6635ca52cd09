"""Where the router meets the outside: the budget records."""
