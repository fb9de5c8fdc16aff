//! CEL with bounds, an order and the functions of the workflow language.
