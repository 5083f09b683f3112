"""All that may be told between apps. Standard library only: a contract outlives every framework around it."""
