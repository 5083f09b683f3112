"""Answers to keyed POSTs, kept beside what the requests changed."""

from nexus.web.answers import SqlAnswers

answers = SqlAnswers("default")
