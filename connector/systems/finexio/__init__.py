"""Finexio, versions 1 and 2 of its API: payable invoices, read only."""

from connector.systems.finexio.adapter import Finexio

ADAPTER = Finexio

__all__ = ["ADAPTER", "Finexio"]
