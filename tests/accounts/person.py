"""The moves of a person with a browser."""

from .conftest import PASSWORD


def submit(browser, path, form):
    """Opens the page and sends its form, as a person does."""
    browser.get(path)
    token = browser.cookies["csrftoken"].value
    return browser.post(path, form | {"csrfmiddlewaretoken": token})


def log_in(browser, path="/login", email="ada@example.org", password=PASSWORD, **extra):
    return submit(browser, path, {"username": email, "password": password} | extra)
