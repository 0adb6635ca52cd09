"""The HTTP edge of Dailies: takes requests, shows jobs, passes vendors' hints on; and the projector of its lists."""
