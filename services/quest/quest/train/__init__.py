"""From the oracle's plays to a policy: demonstrations, imitation with corrections, self-labelling, export."""
