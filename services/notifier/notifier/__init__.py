"""The notifier: tells clients what becomes of their jobs by signed webhooks, in order and at least once."""
