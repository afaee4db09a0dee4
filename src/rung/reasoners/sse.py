"""Server-sent events: bytes in, the data of each event out."""


class Events:
    """Reads an event stream by the rules of WHATWG's HTML standard, section 9.2.6, wherever packets were cut.

    Only data is kept: comments and the fields event, id and retry mean nothing in chat completions. One thing is kinder
    than the standard: an event that the end of the stream cut off before its empty line still counts.
    """

    def __init__(self) -> None:
        self._cut: list[bytes] = []
        self._data: list[bytes] = []
        self._skip_newline = False
        self._first = True

    def feed(self, packet: bytes) -> list[bytes]:
        """The events that `packet` completed."""
        if self._skip_newline and packet:
            self._skip_newline = False
            packet = packet.removeprefix(b"\n")
        if b"\n" not in packet and b"\r" not in packet:
            self._cut.append(packet)
            return []
        lines = (b"".join(self._cut) + packet).splitlines()
        self._cut.clear()
        if packet.endswith(b"\r"):
            self._skip_newline = True
        elif not packet.endswith(b"\n"):
            self._cut.append(lines.pop())
        return self._read(lines)

    def end(self) -> list[bytes]:
        """The event that the end of the stream left without its empty line, if there is one."""
        return self._read([b"".join(self._cut), b""])

    def _read(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        if self._first and lines:
            self._first = False
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data.clear()
        return events
