import subprocess
import sys

import pytest

import smithers_py

HEAVY = ("pydantic_ai", "mcp", "textual", "typer", "aiosqlite", "anthropic", "openai")


@pytest.mark.requirement("A-5")
def test_importing_nodes_loads_none_of_the_heavy_libraries():
    code = "import sys; from smithers_py import Claude, plan; Claude(prompt='x'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & set(HEAVY)
    assert "smithers_py.nodes" in loaded


@pytest.mark.requirement("Z-12")
def test_star_import_exports_exactly_the_documented_names():
    names: dict[str, object] = {}
    exec("from smithers_py import *", names)
    del names["__builtins__"]
    assert set(names) == set(smithers_py.__all__)
    assert set(smithers_py.__all__) <= set(dir(smithers_py))


def test_an_unknown_name_is_an_import_error():
    with pytest.raises(AttributeError, match="no attribute 'Phse'"):
        _ = smithers_py.Phse
