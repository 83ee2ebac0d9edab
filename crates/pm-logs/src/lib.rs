//! The data plane: the kernel moves the bytes.
