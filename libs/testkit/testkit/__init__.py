"""What the tests of Dailies share: private servers on free ports, sinks, clocks, pytest fixtures."""
