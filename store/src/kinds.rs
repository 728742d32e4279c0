//! The kinds of `gastown.gastown.io/v1alpha1`, the source of the CRDs in `deploy/crds`.
