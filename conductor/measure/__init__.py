"""What `symphony bench` measures and how: systems of its own, the load generator, ratios, the baseline, the history."""
