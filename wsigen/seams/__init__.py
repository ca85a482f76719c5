"""Ways to cover a canvas with patches: grid-shift and its rivals, behind one interface and with one ledger."""
