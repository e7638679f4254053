//! Real processes in real groups of this machine.
