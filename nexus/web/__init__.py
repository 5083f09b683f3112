"""The manners every HTTP API of Nexus shares, so that each app can leave with them. Depends on no app."""
