"""The pure core: what the SIS says, what the portal holds, and what would have to change. No clock, database, HTTP or Flask."""
