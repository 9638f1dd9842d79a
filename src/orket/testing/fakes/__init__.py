"""Stand-ins for what a test cannot have: models that say what the test wants, a clock that waits for nobody."""
