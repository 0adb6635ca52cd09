"""Where the asset store meets PyAV, Pillow, c2pa and the stores."""
