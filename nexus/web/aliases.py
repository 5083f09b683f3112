"""The original's paths: they reach the same endpoints, and are counted and written down as these."""

ALIASES = {
    "/api/orders": "/api/v1/orders",
    "/api/products": "/api/v1/products",
    "/api/inventory": "/api/v1/inventory",
    "/api/users": "/api/v1/accounts",
}


def real_path(path: str) -> str:
    """The path behind an alias; any other as it is."""
    if path.startswith("/api/v1/"):
        return path
    for short, real in ALIASES.items():
        if path == short or path.startswith(f"{short}/"):
            return real + path.removeprefix(short)
    return path
