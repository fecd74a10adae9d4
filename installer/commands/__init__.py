"""The commands, one module per group: options, an example, and what is printed. Heavy libraries load when one runs."""
