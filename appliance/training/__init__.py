"""The trainer process, and the recipe of the bundled model. The only place that imports torch."""
