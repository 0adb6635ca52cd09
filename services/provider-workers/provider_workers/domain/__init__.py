"""What a clip at a vendor goes through, as pure rules: no I/O, clock, randomness or logging."""
