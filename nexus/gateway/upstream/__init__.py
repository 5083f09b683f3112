"""Services behind the door: their instances, and what is done when one of them fails."""
