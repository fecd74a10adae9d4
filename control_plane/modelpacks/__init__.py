"""ModelPack artifacts as the control plane sees them: where one lies, who may sign it, and a look into it.

`versions` imports from these places and `exports` writes to them, both in job processes. Here stand the guard before a
registry, the passwords' files, the look (a process of its own), and the keys that are trusted. It keeps no table.
"""
