"""The drill: accidents played against a copy of a portal's data, each with the promise that has to hold (SPEC 7, 8, 11).

Nothing of the product imports it, and it never writes to the original: the copy is read once, in one transaction.
"""
