"""`python -m conductor.kernel`."""

from conductor.kernel.service import main

main()
