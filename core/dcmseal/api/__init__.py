"""What applications call: sign, verify, inspect, remove, compare and timestamp; parses options, opens the source, calls one package."""
