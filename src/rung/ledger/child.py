"""The process that writes the ledger's file: `python -m rung.ledger.child FILE`.

It writes what it is sent and ends when its line closes, hence with its parent, however that ends.
"""

import os
import signal
import socket
import sqlite3
import sys
from pathlib import Path

import msgspec

from rung.errors import LedgerError
from rung.ledger.process import Decisions, Done, Order, Rated, Refused, Reply, frame, read
from rung.ledger.writer import LocalWriter, Writer


def _done(writer: Writer, order: Order) -> Reply:
    try:
        if isinstance(order, Decisions):
            writer.write_decisions(order.packed)
        elif isinstance(order, Rated):
            return Done(writer.write_feedback(order.feedback))
        else:
            writer.probe()
    except LedgerError as error:
        return Refused(error.message, lasting=True)
    except sqlite3.Error as error:
        return Refused(str(error), lasting=False)
    return Done()


def serve(writer: Writer, line: socket.socket) -> None:
    """Follows orders until the line closes."""
    orders = line.makefile("rb")
    while True:
        try:
            order = read(orders)
        except (EOFError, ConnectionError):
            return
        reply = frame(_done(writer, msgspec.msgpack.decode(order, type=Order)))
        try:
            line.sendall(reply)
        except OSError:  # whoever asked is gone; what is still on the line is written all the same
            continue


def main() -> None:
    # Whoever ends a whole group of processes reaches us too: what is still to be written comes first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    line = socket.socket(fileno=os.dup(0))
    writer = LocalWriter(Path(sys.argv[1]))
    try:
        serve(writer, line)
    finally:
        writer.close()


if __name__ == "__main__":
    main()
