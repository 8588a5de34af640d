"""The reference web server: people launch, see, share and end their sessions in a browser."""
