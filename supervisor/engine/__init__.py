"""The container engine behind one Protocol (``base``); only ``docker`` knows which it is."""
