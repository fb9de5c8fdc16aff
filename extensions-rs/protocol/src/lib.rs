//! The messages and subjects of the mesh.
