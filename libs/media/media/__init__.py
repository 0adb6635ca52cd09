"""What a clip may be, and where its files lie: the rules that workers and the asset store share."""
