"""The projection of jobs into MongoDB: documents from histories, kept up to date, rebuilt at any time."""
