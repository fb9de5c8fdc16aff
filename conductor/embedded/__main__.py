"""`python -m conductor.embedded`."""

from conductor.embedded.service import main

main()
