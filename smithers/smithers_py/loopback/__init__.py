"""A provider of models on loopback, for tests: the real client code runs, a *brain* of yours answers.

    from smithers_py.loopback import Loopback, Request, call, say

    def brain(request: Request):
        return say("done") if request.results("read") else call("read", path="notes.txt")

    with Loopback(brain) as server:
        subprocess.run(["smithers", "run", "plan.py"], env={**os.environ, **server.env})
        assert server.count(status=200) == 2

It speaks the Anthropic Messages, OpenAI Chat Completions and OpenAI Responses protocols, whole and streamed. Around a
command: `python -m smithers_py.loopback --brain brain.py -- smithers run plan.py`.
"""

from smithers_py.loopback.conversation import Message, Request, Tool, ToolCall, ToolResult
from smithers_py.loopback.log import Entry
from smithers_py.loopback.replies import (
    Brain,
    Failure,
    Reply,
    Usage,
    answer,
    call,
    drop,
    hang,
    out_of_quota,
    overloaded,
    rate_limited,
    say,
    server_error,
)
from smithers_py.loopback.server import Loopback

__all__ = [
    "Brain",
    "Entry",
    "Failure",
    "Loopback",
    "Message",
    "Reply",
    "Request",
    "Tool",
    "ToolCall",
    "ToolResult",
    "Usage",
    "answer",
    "call",
    "drop",
    "hang",
    "out_of_quota",
    "overloaded",
    "rate_limited",
    "say",
    "server_error",
]
