"""What every surface (command line, terminal UI, MCP) reads and shows: read models, run state, live plan view."""
