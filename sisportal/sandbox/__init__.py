"""A test double of an SIS provider: a generated district behind Clever's Data API, with faults that can be switched on."""
