-- `uncounted`: attempts that `retries` does not count: those that died with their engine, and all before a person's retry
-- or the resume of a failed execution, which begin anew (Z-7). Where somebody has retried before, nothing tells how often.
ALTER TABLE tasks ADD COLUMN uncounted INTEGER NOT NULL DEFAULT 0;
UPDATE tasks SET uncounted = crashes WHERE crashes > 0;
