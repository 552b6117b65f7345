"""Student information systems read over the wire (or from a file) into records. No database and no Flask."""
