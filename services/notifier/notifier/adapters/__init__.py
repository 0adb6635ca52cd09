"""The I/O of the notifier: HTTP to strangers, and the records in key-value buckets."""
