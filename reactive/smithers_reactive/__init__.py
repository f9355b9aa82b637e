"""smithers_reactive."""
