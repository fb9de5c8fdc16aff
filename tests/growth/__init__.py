"""How time and memory grow with the size of what runs: `make growth` measures them and writes docs/results/growth.md."""
