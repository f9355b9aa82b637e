"""Version control: snapshots, commits and worktrees, with git (N-9, V-1). All of it goes through `git.py`."""
