"""SIS Portal: a school's roster, synchronised from its student information system under a person's eyes."""
