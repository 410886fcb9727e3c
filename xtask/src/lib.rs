//! The tests in `tests/` keep the house in order; there is nothing to link here.
