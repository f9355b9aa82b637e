"""What happens to a tool call: the node's policy, the run's, and what neither may change (G-5, Z-27)."""

from collections.abc import Mapping
from typing import Any

from smithers_py.nodes.tools import Decision, ToolPolicy, safe_default

__all__ = ["Decision", "ToolPolicy", "decide"]


def decide(tool: str, args: Mapping[str, Any], *policies: ToolPolicy | None) -> Decision:
    """What the policies, the nearest first, say about a call.

    The first with a rule that fits decides, but what any of them denies is denied. Where no rule fits the first
    `default` counts, and where there is none the safe defaults.
    """
    given = [policy for policy in policies if policy is not None]
    ruled: list[Decision] = [rule for policy in given if (rule := policy.rule_for(tool, args))]
    if "deny" in ruled:
        return "deny"
    if ruled:
        return ruled[0]
    defaults: list[Decision] = [policy.default for policy in given if policy.default]
    return defaults[0] if defaults else safe_default(tool)
