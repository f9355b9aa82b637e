"""How plans are written: components, plans, decorators, and loading a script."""
