"""
Which generation of some data is the present one, in Redis: whoever keeps something made from it notices a change.
"""

import logging
from secrets import token_hex

from django_redis import get_redis_connection
from redis.exceptions import RedisError

log = logging.getLogger("nexus.web")


class Generations:
    """
    The generations of one kind of data, named by `about`.

    Changes that come in streams, such as stock levels, begin a new `pace` within a generation.
    """

    def __init__(self, about: str) -> None:
        self.about = about
        self.generation, self.pace = f"{about}:generation", f"{about}:pace"

    def outdate(self, *, gently: bool = False) -> None:
        """The data has changed, after commit; `gently` when such changes come in streams. Never fails."""
        try:
            get_redis_connection("default").set(self.pace if gently else self.generation, token_hex(8))
        except RedisError as why:
            log.warning("what is kept of %s may be old for a while: %s", self.about, why)
