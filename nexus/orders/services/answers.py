"""Answers to keyed POSTs, kept beside what the requests changed."""

from nexus.orders.models import DATABASE
from nexus.web.answers import SqlAnswers

answers = SqlAnswers(DATABASE)
