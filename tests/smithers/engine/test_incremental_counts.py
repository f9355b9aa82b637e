"""One changed key costs the same in a small plan and in a large one, by counts taken outside of the engine."""

import asyncio
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

PROOF = Path(__file__).parents[3] / "benchmarks" / "proofs" / "incremental.py"


@pytest.fixture(scope="module")
def proof():
    """The proof program as a module; it finds its helpers beside itself."""
    before = list(sys.path)
    spec = importlib.util.spec_from_file_location("incremental_proof", PROOF)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before
    del sys.modules[spec.name]


@pytest.mark.requirement("F-3", "N-1")
def test_one_key_of_ten_thousand_nodes_costs_what_it_costs_in_a_thousand(proof, tmp_path: Path) -> None:
    found = []
    for components in (100, 1_000):
        folder = tmp_path / str(components)
        folder.mkdir()
        found.append(asyncio.run(proof.measure(components, folder)))
    small, large = found
    assert (large.runs, large.nodes, large.patches) == (1, 1 + proof.LEAVES, 1)
    # All Python calls of engine, nodes and graph; the values written differ only by the digits of their numbers.
    assert replace(small, bytes=0, row=0) == replace(large, bytes=0, row=0)
    assert large.bytes - small.bytes <= 32
    assert large.bytes <= 2_000
    assert large.row <= 2_000


def test_the_values_in_a_statement_are_measured(proof) -> None:
    assert proof.value_bytes("INSERT INTO t1 VALUES ('it''s', x'0aff', NULL, 42, -7)") == 5 + 2 + 2 + 2
    assert proof.value_bytes("UPDATE t1 SET a = 'é'") == 2
