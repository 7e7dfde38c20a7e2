"""Financing platforms: one module or package each, found by its name (`connector/registry.py`).

Each offers its class as `ADAPTER`, made as `ADAPTER(settings, context)` and fulfilling
`connector.financier.Financier`. Financiers do not know each other.
"""
