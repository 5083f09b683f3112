"""
Puts real engines behind a test run: ``-p nexus.embedded.pytest_plugin``.

Engines whose variable is unset start empty under ``<rootdir>/var/test`` before any settings are read, and are gone
with the run. Their addresses are in ``os.environ`` meanwhile, so worker processes of the run use them too.
"""

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import pytest

from .errors import EmbeddedError
from .throwaway import throwaway_engines

_ADDRESSES = pytest.StashKey[dict[str, str]]()


# A wrapper, because pytest-django reads the settings in this hook too and asks to be first (tryfirst):
# among equals the plugin registered last wins, which is never one named by -p. Wrappers come before all.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    options = early_config.known_args_namespace
    if not (options.help or options.version):
        _start(early_config)
    return (yield)


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [f"{name}: {address}" for name, address in config.stash.get(_ADDRESSES, {}).items()]


def _start(config: pytest.Config) -> None:
    stack = ExitStack()
    # Unlike pytest_unconfigure, clean-ups are also run when the configuration itself fails.
    config.add_cleanup(stack.close)
    try:
        addresses = stack.enter_context(
            throwaway_engines(parent=config.rootpath / "var" / "test", announce=lambda _: None)
        )
    except EmbeddedError as error:
        raise pytest.UsageError(str(error)) from None
    stack.enter_context(_set(addresses))
    config.stash[_ADDRESSES] = addresses


@contextmanager
def _set(addresses: dict[str, str]) -> Generator[None, None, None]:
    os.environ.update(addresses)
    try:
        yield
    finally:
        for name in addresses:
            os.environ.pop(name, None)
