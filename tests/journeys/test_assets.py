"""What the pages are made of comes whole, from the server that the product runs on."""

import pytest

from tests.journeys.system import System

SCRIPT = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
STYLE = "/static/rest_framework/css/bootstrap.min.css"


class TestAnAsset:
    @pytest.mark.parametrize("path", [SCRIPT, STYLE])
    def test_of_many_pieces_comes_whole(self, embedded: System, path: str) -> None:
        answer = embedded.call("GET", path)

        assert answer.status == 200
        assert int(answer.headers["Content-Length"]) > 100_000
