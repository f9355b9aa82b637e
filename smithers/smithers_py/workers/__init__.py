"""Runs the work of tasks that are not agents: Python functions and programs (N-5)."""
