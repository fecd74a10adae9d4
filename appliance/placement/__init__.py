"""Which cards, which node. Pure: values in, a plan out."""
