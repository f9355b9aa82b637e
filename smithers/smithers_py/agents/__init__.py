"""Runs agents on PydanticAI (G-1); nothing here imports it before the first agent runs (A-5)."""
