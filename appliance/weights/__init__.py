"""The weight store: content-addressed, verified files; a version is visible only when whole.

Called by the import job, by serving (which folder to load) and by doctor (what is damaged). It reads files that
strangers made, so it never runs, unpickles or follows a link of what it imports, and it never touches the network.
"""
