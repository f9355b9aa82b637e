"""smithers_persistence."""
