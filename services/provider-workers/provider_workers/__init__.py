"""Provider workers: one process a vendor submits clips, follows them to their end and stores what comes."""
