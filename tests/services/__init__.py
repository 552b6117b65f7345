"""The servers and the browser that tests run against: real ones, started for the run and ended with it."""
