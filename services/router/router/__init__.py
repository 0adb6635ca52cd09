"""The router: decides which vendor renders what, and what becomes of the result."""
