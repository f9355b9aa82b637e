"""A real database file and the command line on it."""

import asyncio
import json

import pytest

from smithers_persistence import Database


@pytest.fixture
def db_path(tmp_path):
    """Path of a database that does not exist yet."""
    return tmp_path / ".smithers" / "db.sqlite"


@pytest.fixture
def write(db_path):
    """Run `work(db)` on the open database."""

    def run(work):
        async def body():
            db = await Database.open(db_path)
            try:
                return await work(db)
            finally:
                await db.close()

        return asyncio.run(body())

    return run


@pytest.fixture
def smithers(db_path, monkeypatch, capsys):
    """Run the command line in this process, in the folder of the database: (exit code, stdout, stderr)."""
    from smithers_py.cli.main import main

    monkeypatch.chdir(db_path.parent.parent)

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main([*arguments])
        captured = capsys.readouterr()
        return left.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def smithers_json(smithers):
    """The value that a command prints with --json."""

    def run(*arguments):
        code, out, _ = smithers(*arguments, "--json")
        assert code == 0
        assert out.count("\n") == 1
        return json.loads(out)

    return run
