"""Broken on purpose: a module that nobody has installed."""

import barcodes

barcodes.read("stock.csv")
