"""HTTP routes, one file a resource; each handler maps HTTP to one call of `handlers` and back."""
