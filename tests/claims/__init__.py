"""Every sentence of the original's README: a test, or an honest *not yet*. `make docs` makes docs/claims.md of it."""
