"""The rules of telling: pure, without I/O, clock or randomness."""
