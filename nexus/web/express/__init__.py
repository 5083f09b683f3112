"""
The express lane: the few requests that a shop gets most, answered on the event loop in front of Django.

It takes only what is plain: a known path, JSON, a good token, nothing to complain about. All else, and whatever it is
in doubt about, takes the ordinary way through Django's middleware, views and error pages, in a thread. So there is one
place for every refusal, and both ways answer the same to the letter.
"""

from nexus.web.express.exchange import Exchange, Reply
from nexus.web.express.routes import Handle, Route

__all__ = ["Exchange", "Handle", "Reply", "Route"]
