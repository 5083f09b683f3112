"""
Owns customers, their logins and the tokens that every app trusts; the only app that knows a name or an address.
Tells `CustomerRegistered` and `CustomerErased`.
Hears nothing.
Stores in Postgres (`default`); failed logins are counted in Redis, in the process while Redis is away.
"""
