"""The version of the engine, as executions record it (T-6)."""

ENGINE_VERSION = "0.1.0"
