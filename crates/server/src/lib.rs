//! The HTTP surface: use cases in `app`, thin routes, wire shapes.
