"""
The web's server: uvicorn on uvloop with httptools, in several processes that share one port.

``python -m nexus.web.server --port 8080 --workers 2``. What uvicorn leaves open is closed here: who may hold how many
connections, how long a request may take to arrive, and which process takes the next connection
(docs/adr/0025-one-loop-reads-requests.md).
"""

MEMORY = "nexus.memory"
"""In every scope: a dictionary for what the application wants to remember between the requests of a connection."""
TURN = "nexus.turn"
"""In every scope that is asked for an answer without a task: the turn in which the request is read (`turns.Turn`)."""
