//! Calls of the host that break the canonical ABI, which no generated binding
//! would make.

use crate::wasi::http::types::{Fields, IncomingRequest, ResponseOutparam};
use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicU8, Ordering};

#[link(wasm_import_module = "wasi:http/types@0.2.12")]
extern "C" {
    #[link_name = "[method]fields.append"]
    fn append(fields: u32, name: *const u8, name_len: usize, value: *const u8, value_len: usize, result: *mut u8);
    #[link_name = "[static]fields.from-list"]
    fn from_list(list: *const u8, len: usize, result: *mut u8);
    #[link_name = "[method]fields.entries"]
    fn entries(fields: u32, result: *mut u8);
    #[link_name = "[static]response-outparam.set"]
    fn set(out: u32, result: u32, case: u32, a: u32, b: u64, c: u32, d: u32, e: u32, f: u32);
}

static ALLOCATOR_MODE: AtomicU8 = AtomicU8::new(0);
const BEYOND_MEMORY: u8 = 1;
const NEVER: u8 = 2;

/// The allocator that the host's calls of cabi_realloc reach, too.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match ALLOCATOR_MODE.load(Ordering::Relaxed) {
            BEYOND_MEMORY => 0xffff_fff0 as *mut u8,
            NEVER => {
                crate::spin();
                core::ptr::null_mut()
            }
            _ => std::alloc::System.alloc(layout),
        }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        std::alloc::System.dealloc(at, layout)
    }
}

fn with_allocator(mode: u8) {
    let fields = Fields::new();
    fields.append("x", b"value").expect("the field is valid");
    let mut area = [0u32; 8];
    ALLOCATOR_MODE.store(mode, Ordering::Relaxed);
    unsafe { entries(fields.handle(), area.as_mut_ptr().cast()) };
}

/// Gives the host a place for its results that is no memory.
pub fn bad_realloc() {
    with_allocator(BEYOND_MEMORY)
}

pub fn spin_in_realloc() {
    with_allocator(NEVER)
}

fn append_raw(fields: u32, name: *const u8, len: usize) {
    let mut area = [0u32; 8];
    unsafe { append(fields, name, len, b"v".as_ptr(), 1, area.as_mut_ptr().cast()) };
}

/// A string that begins in memory and ends beyond it.
pub fn bad_pointer() {
    append_raw(Fields::new().handle(), 0x1000 as *const u8, 0x0f00_0000);
}

/// A list whose size in bytes is more than 32 bits hold.
pub fn bad_list() {
    let mut area = [0u32; 8];
    unsafe { from_list(0x1000 as *const u8, 0x1000_0001, area.as_mut_ptr().cast()) };
}

pub fn bad_return_area() {
    unsafe { append(Fields::new().handle(), b"x".as_ptr(), 1, b"v".as_ptr(), 1, 0xffff_fffc as *mut u8) };
}

pub fn bad_utf8() {
    append_raw(Fields::new().handle(), b"x-\xff\xfe".as_ptr(), 4);
}

pub fn bad_handle() {
    append_raw(0x00ff_ffff, b"x".as_ptr(), 1);
}

/// A handle of another type than the function takes.
pub fn wrong_handle(request: &IncomingRequest) {
    append_raw(request.handle(), b"x".as_ptr(), 1);
}

/// A case that result and error-code do not have.
pub fn bad_case(out: ResponseOutparam) {
    unsafe { set(out.take_handle(), 1, 4000, 0, 0, 0, 0, 0, 0) };
}
