"""`python -m smithers_py …` is the same program as `smithers …` (C-2)."""

from smithers_py.cli.main import main

if __name__ == "__main__":
    main()
