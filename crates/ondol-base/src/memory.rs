//! How much memory a process keeps that it has given back.

/// Has all threads share one heap; to be called before there are any. The C library would give heaps of their own to threads
/// that block, in which what one leaves keeps what others used: tens of megabytes after some hundred files were copied.
/// For processes with little to do: threads wait for each other at each allocation.
pub fn share_one_heap() {
    #[cfg(target_env = "gnu")]
    {
        #[expect(unsafe_code, reason = "the C library has no other way")]
        // SAFETY: it sets a number of the allocator, under the allocator's own lock.
        unsafe {
            nix::libc::mallopt(nix::libc::M_ARENA_MAX, 1)
        };
    }
}
