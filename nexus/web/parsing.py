"""JSON in, strictly: no NaN, no lone surrogates, no unbounded nesting, no body over the limit."""

from typing import IO, Any

import msgspec
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer


class StrictJSONParser(BaseParser):
    """Decodes a JSON body; what is not JSON is a 400 that says where."""

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        body = stream.read(settings.MAX_BODY + 1)
        if len(body) > settings.MAX_BODY:
            raise RequestDataTooBig
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
            raise ParseError(f"The body is not valid JSON: {why}", code="malformed") from None
