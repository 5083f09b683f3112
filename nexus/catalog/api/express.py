"""What is for sale on the express lane: public answers from the query cache, made once when they are not there."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from django.core.handlers.wsgi import WSGIRequest
from rest_framework.request import Request

from nexus.catalog import selectors
from nexus.catalog.api.serializers.shown import show_product
from nexus.catalog.api.tags import product_tag
from nexus.catalog.api.views.products import Products, list_as_asked
from nexus.catalog.exceptions import ProductNotFound
from nexus.catalog.models import PUBLISHED
from nexus.catalog.services.freshness import generations
from nexus.contracts.errors import NexusError
from nexus.web.express import Exchange, Reply, Route
from nexus.web.express.exchange import encode
from nexus.web.express.ordinary import environ_of
from nexus.web.express.ready import Standing
from nexus.web.express.shared import SharedAnswers
from nexus.web.views import etag_of

THREADS = 4
"""For products that are not in the cache: what MongoDB is asked at once, and no more, however many come."""
public_answers = SharedAnswers(generations)
_readers = ThreadPoolExecutor(THREADS, thread_name_prefix="products")


async def list_products(exchange: Exchange) -> Reply | None:
    """The list as anybody sees it; of a question that is not well put the view says so."""

    async def make() -> Reply | None:
        return await asyncio.get_running_loop().run_in_executor(_readers, _read_list, exchange)

    return await public_answers.answer(exchange, make=make)


async def show(exchange: Exchange) -> Reply | None:
    """A product as anybody sees it; of one that is not there the view says so."""
    if exchange.query:
        return None

    async def make() -> Reply | None:
        return await asyncio.get_running_loop().run_in_executor(_readers, _read, exchange.name)

    return await public_answers.answer(exchange, make=make)


def show_known(exchange: Exchange) -> Standing | None:
    """The same product, when it is in memory."""
    return None if exchange.query else public_answers.answer_early(exchange)


def _read(slug: str) -> Reply | None:
    try:
        row = selectors.get_product(slug=slug)
    except ProductNotFound:
        return None
    return Reply(status=200, body=encode(show_product(row)), headers=[("ETag", product_tag(row))])


def _read_list(exchange: Exchange) -> Reply | None:
    if exchange.path.endswith("/"):
        return None
    request = Request(WSGIRequest(environ_of(exchange.scope, b"")))
    try:
        Products().refuse_unknown_parameters(request)
        body = list_as_asked(request, statuses=(PUBLISHED,))
    except NexusError:
        return None
    return Reply(status=200, body=encode(body), headers=[("ETag", etag_of(body))])


ROUTES = [
    Route(
        method="GET",
        path="/api/v1/products",
        handle=list_products,
        early=public_answers.answer_early,
        allow="GET, POST, HEAD, OPTIONS",
    ),
    Route(
        method="GET",
        path="/api/v1/products/*",
        handle=show,
        early=show_known,
        allow="GET, PATCH, DELETE, HEAD, OPTIONS",
    ),
]
