"""smithers_py."""
