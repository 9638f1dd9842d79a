"""The twelve stock nodes. Each module stands alone and imports only :mod:`orket.contracts`."""
