"""`smithers init`: a small plan to begin with."""

import shlex
from importlib.resources import files
from pathlib import Path

from smithers_py.cli.terminal import note, say
from smithers_py.errors import UsageError

# What is written, and the file of `cli/starter/` that it is made of (a name that packaging tools do not act upon).
_FILES = {"README.md": "README.md.txt", ".gitignore": "gitignore.txt"}


def init_folder(folder: Path, *, px: bool = False) -> None:
    """Write the starter's files into the folder, making it if need be. What is there already is left alone.

    `px`: the plan is written in `.px`.

    Raises:
        UsageError: the folder cannot be made or written.
    """
    starter = files("smithers_py.cli") / "starter"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        plan = "plan.px" if px else "plan.py"
        for name, source in ({plan: f"{plan}.txt"} | _FILES).items():
            text = (starter / source).read_text(encoding="utf-8").replace("plan.py", plan)
            say(f"{'wrote' if _write_new(folder / name, text) else 'kept '} {folder / name}")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"cannot write into {folder}: {reason}", hint="Name a folder that you may write.") from error
    ignored = folder / ".gitignore"
    if ".smithers" not in ignored.read_text(encoding="utf-8", errors="replace"):
        note(f"{ignored} is yours: add a line `.smithers/`, where runs are kept")
    into = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    say(f"next: {into}smithers run {plan} --model test")


def _write_new(path: Path, text: str) -> bool:
    """Write a file that does not exist; False when it does (a link that leads nowhere counts)."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True
