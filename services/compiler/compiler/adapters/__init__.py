"""What touches the world outside: the rule files."""
