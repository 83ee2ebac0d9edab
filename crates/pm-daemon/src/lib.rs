//! Introduces the core to the world.
