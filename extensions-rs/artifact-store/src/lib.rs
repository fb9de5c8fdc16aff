//! Content-addressed blobs with lineage.
