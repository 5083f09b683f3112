"""The browsable API: the same endpoints for a person with a browser."""

from rest_framework.renderers import BrowsableAPIRenderer


class BrowsableAPI(BrowsableAPIRenderer):
    """DRF's page with our name on it; forms send JSON, as every client does."""

    template = "web/api.html"
