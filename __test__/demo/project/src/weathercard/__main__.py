"""Runs `python -m weathercard`."""

from weathercard.cli import main

if __name__ == "__main__":
    main()
