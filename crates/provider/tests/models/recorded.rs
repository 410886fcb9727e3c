//! Answers of a real llama.cpp server, replayed byte by byte.
