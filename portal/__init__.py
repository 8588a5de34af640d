"""The reference web server: people launch, see, share and end their sessions in a browser."""

__version__ = "0.1.0"
