"""Frames: cuts a stream of bytes into bodies, each behind its length."""
from __future__ import annotations

from .errors import NotPeeper
from .values import varint

LENGTH_BYTES_MAX = 5


def framed(body: bytes) -> bytes:
    """`body` behind its length."""
    return varint(len(body)) + body


class FrameReader:
    """Takes bytes as TCP brings them and gives whole bodies. Refuses bodies over `bytes_max`."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._rest = bytearray()  # begins with a frame that is not whole
        self._need = 0  # bytes of `_rest` without which looking at it again is of no use

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies that are whole now. Fails with NotPeeper; the stream is of no use then."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._need:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        bodies = []
        at, end = 0, len(data)
        while at < end:
            begin, length = self._length(data, at, end)
            if length < 0 or begin + length > end:
                self._need = begin + length - at if length >= 0 else 0
                self._rest += data[at:]
                break
            at = begin + length
            bodies.append(data[begin:at])
        return bodies

    def _length(self, data: bytes, at: int, end: int) -> tuple[int, int]:
        """Where the body at `at` begins, and its length; -1 where the length is not whole."""
        length = data[at]
        if length < 0x80:
            return at + 1, length
        length &= 0x7F
        for digit in range(1, LENGTH_BYTES_MAX):
            if at + digit >= end:
                return at, -1
            byte = data[at + digit]
            length |= (byte & 0x7F) << (7 * digit)
            if length > self._bytes_max:
                raise NotPeeper(f"a frame of more than {self._bytes_max} bytes; is the address right? "
                                "Else raise frame_bytes_max")
            if byte < 0x80:
                if byte == 0:
                    raise NotPeeper("the length of a frame is not in its shortest form")
                return at + digit + 1, length
        raise NotPeeper("the length of a frame has more than 5 bytes")
