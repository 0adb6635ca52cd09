"""Pure rules of the gateway: what a valid request is, what a job looks like, what an error says."""
