"""State of one execution: `ctx`, durable and volatile values, files, and the codec between them and JSON text."""
