"""Ports for what is started beside others."""

import socket
import unittest
from unittest.mock import patch

from headrace.embedded import ports
from headrace.embedded.ports import HOST, free_port


class FreePorts(unittest.TestCase):
    """Nothing listens on them, and no outgoing connection is given one of them."""

    def test_a_port_can_be_listened_on_and_so_can_those_after_it(self) -> None:
        """A row of three, all taken at once."""
        first = free_port(row=3)
        for port in range(first, first + 3):
            self.enterContext(socket.create_server((HOST, port)))

    def test_a_taken_port_is_passed_over_also_as_a_later_one_of_the_row(self) -> None:
        """Of four ports the third is taken: a row of two begins at the first alone."""
        start = free_port(row=4)
        self.enterContext(socket.create_server((HOST, start + 2)))
        with patch.object(ports, "PORTS", range(start, start + 4)):
            self.assertEqual({free_port(row=2) for _ in range(20)}, {start})
            self.assertLessEqual({free_port() for _ in range(20)}, {start, start + 1, start + 3})

    def test_where_all_are_taken_it_says_so(self) -> None:
        """One port, held."""
        start = free_port()
        self.enterContext(socket.create_server((HOST, start)))
        with patch.object(ports, "PORTS", range(start, start + 1)), self.assertRaisesRegex(OSError, "no free port"):
            free_port()
