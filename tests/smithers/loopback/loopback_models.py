"""One model for each protocol."""

MODELS = ("anthropic:claude-sonnet-5-5", "openai:gpt-5", "openai-chat:gpt-5")
