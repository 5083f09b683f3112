from tests.deploy.conftest import config

__all__ = ["config"]
