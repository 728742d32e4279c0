//! The cluster as the place that holds the beads: list, watch, create, patch, delete, each guarded.
