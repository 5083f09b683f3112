"""A small system for the conformance suite: bells tell, anna and ben hear, each with a database of their own."""
