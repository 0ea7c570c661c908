"""Frames: a stream may be cut anywhere, and what is no stream of frames is told."""
from __future__ import annotations

import random

import pytest

import peeper
from peeper.frames import FrameReader, framed

BODIES = [b"", b"a", b"b" * 127, b"c" * 128, b"d" * 20000, b"", b"e" * 300]
STREAM = b"".join(map(framed, BODIES))


def test_a_stream_that_is_cut_in_two_anywhere_gives_the_same_bodies() -> None:
    for cut in range(len(STREAM) + 1):
        reader = FrameReader(1 << 20)
        assert reader.feed(STREAM[:cut]) + reader.feed(STREAM[cut:]) == BODIES


def test_every_truncation_gives_only_whole_bodies() -> None:
    for end in range(len(STREAM)):
        bodies = FrameReader(1 << 20).feed(STREAM[:end])
        assert bodies == BODIES[:len(bodies)] and len(bodies) < len(BODIES)


def test_single_bytes_and_random_pieces() -> None:
    chance = random.Random(1)
    for longest in (1, 3, 1000):
        reader, at, bodies = FrameReader(1 << 20), 0, []
        while at < len(STREAM):
            piece = chance.randint(1, longest)
            bodies += reader.feed(STREAM[at:at + piece])
            at += piece
        assert bodies == BODIES


def test_a_large_frame_in_small_pieces_is_not_copied_again_and_again() -> None:
    reader, body = FrameReader(1 << 30), bytes(32 << 20)
    data = memoryview(framed(body))
    bodies = []
    for at in range(0, len(data), 4096):
        bodies += reader.feed(bytes(data[at:at + 4096]))
    assert bodies == [body]


@pytest.mark.parametrize(("data", "told"), [
    (framed(bytes(1001))[:3], "more than 1000 bytes"),
    (b"\xff\xff\xff\xff\xff\x01", "more than 1000"),
    (b"\x80\x80\x80\x80\x80\x80", "5 bytes"),
    (b"\x81\x00", "shortest"),
])
def test_what_is_no_frame_is_told(data: bytes, told: str) -> None:
    with pytest.raises(peeper.NotPeeper, match=told):
        reader = FrameReader(1000)
        for at in range(len(data)):
            reader.feed(data[at:at + 1])


def test_random_bytes_are_read_or_told() -> None:
    chance = random.Random(2)
    for _ in range(2000):
        reader = FrameReader(1 << 16)
        try:
            for _ in range(5):
                reader.feed(chance.randbytes(chance.randrange(1, 50)))
        except peeper.NotPeeper:
            pass
