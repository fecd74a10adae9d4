"""`appliance doctor`: checks that look at one thing each and say what to do. They change nothing."""
