"""Answers to keyed POSTs, kept beside what the requests changed."""

from nexus.inventory.models import DATABASE
from nexus.web.answers import SqlAnswers

answers = SqlAnswers(DATABASE)
