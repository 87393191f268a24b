//! The embedded world: broken PKIs and the servers that show them, on loopback.
