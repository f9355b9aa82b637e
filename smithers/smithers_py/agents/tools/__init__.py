"""What an agent may do: the built-in tools, the plan's functions, MCP servers, and the policy around them (G-5)."""
