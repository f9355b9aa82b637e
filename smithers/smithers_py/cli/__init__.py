"""The command line (C-1 to C-5). It reads through `harness/` only and imports its tools late."""
