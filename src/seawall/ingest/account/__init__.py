"""One's own account at a venue, read with a key that may do nothing else."""
