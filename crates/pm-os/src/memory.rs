//! Gives memory back that was needed for a while only: a daemon that once took a thousand apps in shall not look like
//! that for ever. It knows the C library's allocator and our own program's mappings, nothing else.
#![expect(
    unsafe_code,
    reason = "the allocator's settings and madvise on our own text have no safe form"
)]

use std::ffi::{c_int, c_void};

/// Blocks of this size in bytes get a mapping of their own and go back to the system as soon as they are freed. glibc
/// would raise this limit with every large block it sees (mallopt(3), "dynamic mmap threshold").
#[cfg(target_env = "gnu")]
const LARGE: c_int = 128 << 10;

/// To be called once, before there are other threads: one arena for all of them, and large blocks apart.
pub fn tune_allocator() {
    #[cfg(target_env = "gnu")]
    // SAFETY: both only set numbers inside the allocator, for which any value is allowed.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Returns free heap and forgets which pages of the program were needed so far; those that still are come back from
/// the page cache at once. Costs some 100 us, so it is for the end of something large.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: walks the allocator's own lists under its own locks.
    unsafe {
        libc::malloc_trim(0);
    }
    #[cfg(target_os = "linux")]
    // SAFETY: the callback has the signature that is asked for and uses what it gets only while it is called.
    unsafe {
        libc::dl_iterate_phdr(Some(forget_pages), std::ptr::null_mut());
    }
}

/// Called for each loaded object; the program itself is the first, and the only one of a static binary.
#[cfg(target_os = "linux")]
unsafe extern "C" fn forget_pages(
    object: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    _data: *mut c_void,
) -> c_int {
    let page = rustix::param::page_size();
    // SAFETY: the C library passes a valid description whose table has that many entries.
    let (base, headers) = unsafe {
        let object = &*object;
        (
            object.dlpi_addr,
            std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)),
        )
    };
    let read_only = |header: &&libc::Elf64_Phdr| {
        header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0
    };
    for header in headers.iter().filter(read_only) {
        let from = usize::try_from(base + header.p_vaddr).unwrap_or(0);
        let length = usize::try_from(header.p_memsz).unwrap_or(0);
        let start = from.next_multiple_of(page);
        let end = (from + length) / page * page;
        if start < end {
            // SAFETY: whole pages of a private mapping of our own file that nobody can have written to: what is
            // dropped is read from the file again, also while it runs.
            unsafe {
                libc::madvise(
                    std::ptr::without_provenance_mut(start),
                    end - start,
                    libc::MADV_DONTNEED,
                );
            }
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resident() -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * rustix::param::page_size()
    }

    #[test]
    fn freed_memory_leaves_the_process_and_it_goes_on() {
        tune_allocator();
        let mut blocks: Vec<Vec<u8>> = (0..4096).map(|_| vec![1; 8 << 10]).collect();
        let full = resident();
        // One block at the end keeps the heap's top where it is.
        blocks.drain(..4095);
        give_back();
        let after = resident();
        assert!(after + (24 << 20) < full, "{after} of {full} bytes are left");
        assert_eq!(blocks.iter().flatten().map(|byte| usize::from(*byte)).sum::<usize>(), 8 << 10);
    }
}
