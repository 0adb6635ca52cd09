"""I/O of the gateway: MongoDB, API keys, tenant settings."""
