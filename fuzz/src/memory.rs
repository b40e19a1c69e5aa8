//! A limit on what a target allocates.
//!
//! libFuzzer's own limits do not do here: `-malloc_limit_mb` needs a sanitizer, and `-rss_limit_mb` does not see memory
//! that is allocated and not touched, which is just what a damaged length makes.

use std::alloc::System;

use cap::Cap;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Runs a function that may allocate `bytes` more than is allocated now. One that needs more ends the process, as a
/// failed allocation does: `memory allocation of N bytes failed`.
pub fn within<R>(bytes: usize, run: impl FnOnce() -> R) -> R {
    limit(ALLOCATOR.allocated().saturating_add(bytes));
    let result = run();
    limit(usize::MAX);
    result
}

fn limit(bytes: usize) {
    ALLOCATOR.set_limit(bytes).expect("the limit is above what is allocated");
}
