// SPDX-License-Identifier: Apache-2.0
//
// A launcher in Rust with libcpumodel: it makes a VM and has cpumodeld give its vCPUs a model. No crate is needed:
//
//     rustc --edition 2021 launch.rs -l cpumodel
//     ./launch EPYC-Milan-v2,-svm
//
// The structures are those of cpumodel.h, whose comments say what the fields mean.

use std::ffi::{c_void, CStr, CString};
use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::os::raw::{c_char, c_int, c_uint, c_ulong};
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

// ---- cpumodel.h -----------------------------------------------------------------------------------------------------

mod ffi {
    use super::*;

    #[repr(C)]
    pub struct Error {
        pub code: c_int,
        pub kind: [c_char; 32],
        pub message: [c_char; 512],
        pub data: *mut c_char,
    }

    #[repr(C)]
    #[derive(Default)]
    pub struct Topology {
        pub sockets: c_uint,
        pub dies: c_uint,
        pub modules: c_uint,
        pub cores: c_uint,
        pub threads: c_uint,
    }

    #[repr(C)]
    pub struct Vm {
        pub name: *const c_char,
        pub model: *const c_char,
        pub vcpu_fds: *const c_int,
        pub vcpu_count: c_uint,
        pub topology: Topology,
        pub apic_ids: *const u32,
        pub physical_address_bits: c_uint,
        pub drop_unavailable: bool,
        pub accept_altered: bool,
        pub replace: bool,
        pub join: bool,
        pub execute: *const c_void,
        pub context: *mut c_void,
        pub base: *const *const c_void,
        pub keep: *const c_char,
        pub parameters: *const c_char,
        pub reserved: [*mut c_void; 4],
    }

    /// The first fields are all that is read here.
    #[repr(C)]
    pub struct Outcome {
        pub vm: *const c_char,
        pub model: *const c_char,
        pub verdict: c_int,
        pub stamp: *const c_char,
    }

    extern "C" {
        pub fn cpumodel_connect(connection: *mut *mut c_void, path: *const c_char, error: *mut Error) -> c_int;
        pub fn cpumodel_close(connection: *mut c_void);
        pub fn cpumodel_apply(
            connection: *mut c_void, vm: *const Vm, result: *mut *mut Outcome, error: *mut Error,
        ) -> c_int;
        pub fn cpumodel_result_free(result: *mut Outcome);
        pub fn cpumodel_verdict_name(verdict: c_int) -> *const c_char;
        pub fn cpumodel_error_clear(error: *mut Error);
        pub fn ioctl(fd: c_int, request: c_ulong, argument: c_ulong) -> c_int;
    }
}

// ---- As Rust has it --------------------------------------------------------------------------------------------------

#[derive(Debug)]
struct Error {
    code: i32,
    kind: String,
    message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{} ({}, {})", self.message, self.kind, self.code)
    }
}

impl std::error::Error for Error {}

/// A C string that is good as long as what it was read from.
fn text(pointer: *const c_char) -> String {
    // SAFETY: the library gives strings that end, and never NULL, where this is called.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

/// Calls a function that fills in an error when it fails.
fn check(call: impl FnOnce(*mut ffi::Error) -> c_int) -> Result<(), Error> {
    let mut error = ffi::Error { code: 0, kind: [0; 32], message: [0; 512], data: ptr::null_mut() };
    if call(&mut error) == 0 {
        return Ok(());
    }
    let copy = Error { code: error.code, kind: text(error.kind.as_ptr()), message: text(error.message.as_ptr()) };
    // SAFETY: it was filled in by the library.
    unsafe { ffi::cpumodel_error_clear(&mut error) };
    Err(copy)
}

/// A connection to cpumodeld.
struct Daemon(*mut c_void);

// SAFETY: threads that share a connection take turns.
unsafe impl Send for Daemon {}
unsafe impl Sync for Daemon {}

struct Applied {
    model: String,
    verdict: String,
    stamp: String,
}

impl Daemon {
    fn connect() -> Result<Daemon, Error> {
        let mut connection = ptr::null_mut();
        // SAFETY: both pointers are good during the call.
        check(|error| unsafe { ffi::cpumodel_connect(&mut connection, ptr::null(), error) })?;
        Ok(Daemon(connection))
    }

    fn apply(&self, name: &str, model: &str, vcpus: &[OwnedFd], accept_altered: bool) -> Result<Applied, Error> {
        // A NUL is in no name, and what comes behind it in none either.
        let (name, model) = (CString::new(name).unwrap_or_default(), CString::new(model).unwrap_or_default());
        let fds: Vec<c_int> = vcpus.iter().map(|vcpu| vcpu.as_raw_fd()).collect();
        let vm = ffi::Vm {
            name: name.as_ptr(),
            model: model.as_ptr(),
            vcpu_fds: fds.as_ptr(),
            vcpu_count: fds.len() as c_uint,
            topology: ffi::Topology { cores: fds.len() as c_uint, ..Default::default() },
            apic_ids: ptr::null(),
            physical_address_bits: 0,
            drop_unavailable: false,
            accept_altered,
            replace: false,
            join: false,
            execute: ptr::null(),
            context: ptr::null_mut(),
            base: ptr::null(),
            keep: ptr::null(),
            parameters: ptr::null(),
            reserved: [ptr::null_mut(); 4],
        };
        let mut result = ptr::null_mut();
        // SAFETY: all that `vm` points to lives until the call returns.
        check(|error| unsafe { ffi::cpumodel_apply(self.0, &vm, &mut result, error) })?;
        // SAFETY: the call succeeded, so there is a result, which is freed once.
        unsafe {
            let applied = Applied {
                model: text((*result).model),
                verdict: text(ffi::cpumodel_verdict_name((*result).verdict)),
                stamp: text((*result).stamp),
            };
            ffi::cpumodel_result_free(result);
            Ok(applied)
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // SAFETY: nobody has it any more.
        unsafe { ffi::cpumodel_close(self.0) }
    }
}

// ---- The VM ----------------------------------------------------------------------------------------------------------

const KVM_CREATE_VM: c_ulong = 0xAE01;
const KVM_CREATE_VCPU: c_ulong = 0xAE41;
const KVM_CREATE_IRQCHIP: c_ulong = 0xAE60;

fn kvm_ioctl(fd: &impl AsRawFd, request: c_ulong, argument: c_ulong) -> io::Result<c_int> {
    // SAFETY: these requests take a number, and no pointer.
    let value = unsafe { ffi::ioctl(fd.as_raw_fd(), request, argument) };
    if value < 0 { Err(io::Error::last_os_error()) } else { Ok(value) }
}

fn kvm_create(fd: &impl AsRawFd, request: c_ulong, argument: c_ulong) -> io::Result<OwnedFd> {
    // SAFETY: the descriptor is new, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(kvm_ioctl(fd, request, argument)?) })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().unwrap_or_else(|| "host".to_string());
    let accept_altered = arguments.next().as_deref() == Some("accept");

    let device = OpenOptions::new().read(true).write(true).open("/dev/kvm")?;
    let vm = kvm_create(&device, KVM_CREATE_VM, 0)?;
    kvm_ioctl(&vm, KVM_CREATE_IRQCHIP, 0)?;
    let vcpus = (0..2).map(|id| kvm_create(&vm, KVM_CREATE_VCPU, id)).collect::<Result<Vec<_>, _>>()?;

    let daemon = Daemon::connect()?;
    match daemon.apply("rust", &model, &vcpus, accept_altered) {
        Ok(applied) => println!("{} {} {}", applied.model, applied.verdict, applied.stamp),
        Err(error) => {
            println!("{}", error);
            std::process::exit(1);
        }
    }
    Ok(())
}
