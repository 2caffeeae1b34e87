"""The front door: command line and jobs; nothing imports it."""
