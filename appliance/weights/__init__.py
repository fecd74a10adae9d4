"""The weight store: content-addressed, verified files; a version is visible only when whole."""
