"""The README's picture: the portal with sessions that run, drawn as text, which git can hold.

``scene`` sets it up, ``drawn.js`` tells what the page looks like, ``page_picture`` makes an SVG.
"""
