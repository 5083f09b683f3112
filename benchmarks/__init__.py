"""Measurements. Numbers are published with the command that made them; nothing here is a test."""
