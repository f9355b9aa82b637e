"""The plan engine: mounts a tree of nodes, keeps it in step with state, and runs what is in it.

One module per frame phase (`snapshot`, `render`, `reconcile`, `commit`, `execute`, `effects`, `flush`), called in that
order by `frame.py`; `drive.py` is the outer loop, `launch.py` the way in. What must not live here: SQL, model calls,
terminal output.
"""
