//! What a module that is linked by its interpreter needs of the linker.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
