"""Records that were read, and about which nothing is decided: what is true of them, and what to do."""

from __future__ import annotations


def undecided_sentence(
    connection: str, count: int, *, has_flow: bool = False, is_editable: bool = True
) -> str:
    """What is true of a connection whose `count` invoices are not decided, and what to do. `is_editable`: its settings
    can be changed in the browser."""
    remedy = (
        "Choose a financier in the settings of the connection"
        if is_editable
        else "Whoever keeps the configuration file adds a flow for it"
    )
    read = f"{count:,} invoice was" if count == 1 else f"{count:,} invoices were"
    if has_flow and count:
        return (
            f"{read[:1].upper()}{read[1:]} read from {connection}. They are decided at its next run; if that fails, its "
            "last error above says why."
        )
    if has_flow:
        return f"{connection} gave no invoice yet. Each one is decided in the run that reads it."
    if count:
        return (
            f"{read} read from {connection} and kept, but no flow takes them to a financier, so nothing is decided about "
            f"them. {remedy}; they are decided then, without being read again."
        )
    return f"No flow takes the invoices of {connection} to a financier, so they would only be read. {remedy}."
