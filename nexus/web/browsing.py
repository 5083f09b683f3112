"""The browsable API: the same endpoints for a person with a browser."""

from typing import Any

from rest_framework.renderers import BrowsableAPIRenderer


class BrowsableAPI(BrowsableAPIRenderer):
    """DRF's page with our name on it; forms send JSON, as every client does."""

    template = "web/api.html"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> str:
        page: str = super().render(data, accepted_media_type, renderer_context)
        # A refusal names its own type, application/problem+json: the page about it is still a page.
        renderer_context["response"]["Content-Type"] = f"{self.media_type}; charset={self.charset}"
        return page
