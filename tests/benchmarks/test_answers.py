"""Answers are read whole, in whatever pieces they come."""

import pytest

from benchmarks.answers import Answer, Answers

CREATED = b'HTTP/1.1 201 Created\r\ncontent-length: 7\r\ncontent-type: application/json\r\n\r\n{"a":1}'
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"


class TestAnswers:
    @pytest.mark.parametrize("size", [1, 2, 3, 7, 19, 20, 60, 1000])
    @pytest.mark.parametrize(
        ("whole", "answer"),
        [(CREATED, Answer(201, False)), (BUSY, Answer(503, True)), (CHUNKED, Answer(200, False))],
    )
    def test_are_complete_with_their_last_byte(self, whole, answer, size):
        answers = Answers()

        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]

        assert [answers.feed(piece) for piece in pieces] == [None] * (len(pieces) - 1) + [answer]

    def test_begin_anew_after_each(self):
        answers = Answers()

        assert [answers.feed(each) for each in (CREATED, BUSY, CREATED)] == [
            Answer(201, False),
            Answer(503, True),
            Answer(201, False),
        ]

    def test_may_have_no_body(self):
        assert Answers().feed(b"HTTP/1.1 304 Not Modified\r\netag: 1\r\n\r\n") == Answer(304, False)

    def test_do_not_come_unasked(self):
        with pytest.raises(ValueError, match="more came"):
            Answers().feed(CREATED + b"HTTP/1.1")
