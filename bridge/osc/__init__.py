"""OSC on the wire: packets, the UDP and TCP server, the clients it answers, and their feedback."""
