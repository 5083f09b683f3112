"""Accounts over HTTP: our own JSON API, OAuth 2 for everybody's clients, and two pages for people."""
