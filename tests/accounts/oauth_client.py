"""The moves of an OAuth 2 client, and of the person in front of it."""

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, urlsplit

from django.test import Client

CALLBACK = "https://partner.example/callback"
SECRET = "the client's own secret"
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
S256 = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


def request_for(**changes):
    asked = {"response_type": "code", "client_id": "partner", "redirect_uri": CALLBACK, "state": "xyz"}
    asked |= {"scope": "orders profile"} | S256 | changes
    return {name: value for name, value in asked.items() if value is not None}


def allow(web, **changes):
    return web.post("/oauth/authorize", request_for(**changes) | {"allow": "yes"})


def code_of(redirect):
    return parse_qs(urlsplit(redirect["Location"]).query)["code"][0]


def swap(web, code, **changes):
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": "partner"}
    form |= {"code_verifier": VERIFIER} | changes
    return web.post("/oauth/token", {name: value for name, value in form.items() if value is not None})


def as_robot(**changes):
    form = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": SECRET} | changes
    return Client(raise_request_exception=False).post("/oauth/token", form)


def refused(answer):
    """The error, wherever the answer puts it."""
    if answer.status_code == 302:
        return parse_qs(urlsplit(answer["Location"]).query).get("error", [""])[0]
    return answer.json()["error"] if answer["Content-Type"].startswith("application/json") else answer.status_code
