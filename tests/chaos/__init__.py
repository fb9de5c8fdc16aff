"""Chaos: the embedded system under load while a nemesis does its worst, judged by what clients saw alone."""
