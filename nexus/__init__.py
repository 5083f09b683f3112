"""Nexus: an e-commerce backend whose apps can each leave to run as a service of its own."""
