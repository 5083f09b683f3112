"""Where an app keeps its log, its inbox and its dead letters: beside its data, in the same transaction."""
