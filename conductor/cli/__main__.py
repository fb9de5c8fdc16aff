"""`python -m conductor.cli`."""

from conductor.cli.main import main

main()
