// SPDX-License-Identifier: Apache-2.0
//
// libcpumodel: ask cpumodeld to give the vCPUs of a virtual machine a CPU model.
//
//     struct cpumodel *daemon;
//     struct cpumodel_result *result;
//     struct cpumodel_error error;
//     struct cpumodel_vm vm = {
//         .name = "web-1", .model = "EPYC-Milan-v2,-svm", .vcpu_fds = fds, .vcpu_count = 4,
//         .topology = {.cores = 2, .threads = 2},
//     };
//     if (cpumodel_connect(&daemon, NULL, &error) < 0 || cpumodel_apply(daemon, &vm, &result, &error) < 0)
//         errx(1, "%s", error.message);
//     printf("%s\n", result->stamp);
//
// When to call: after KVM_CREATE_VCPU of every vCPU and before the first KVM_RUN, in the process that created the VM.
//
// KVM takes a vCPU's ioctls only from the process that created its VM. So the daemon computes, and sends this library
// a job, a short list of KVM_SET_CPUID2, KVM_SET_MSRS and the like; the library checks it, runs it on the vCPUs while
// cpumodel_apply() waits, and the daemon judges what came of it. No privilege is needed, and no thread is started: except
// by cpumodel_agent_start(), for a daemon that is to be able to read the vCPUs at any later time, too.
//
// The library needs libc and nothing else, keeps no global state, prints nothing, and raises no signal. Every descriptor
// it opens or receives is close-on-exec.
//
// Threads: every function may be called by any thread at any time. Threads that share a connection wait for each other's
// calls on it, the waiting being part of their time-out; threads with connections of their own do not. What is to be freed
// or ended (a connection, a result, an error, an agent) must be in nobody's use.

#ifndef CPUMODEL_H
#define CPUMODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CPUMODEL_API __attribute__((visibility("default")))

/// Where cpumodeld listens when neither the caller nor $CPUMODELD_SOCKET says otherwise.
#define CPUMODEL_DEFAULT_SOCKET "/run/cpumodeld/cpumodeld.sock"

/// Most vCPUs of one VM.
#define CPUMODEL_MAX_VCPUS 4096

// ---- Errors ---------------------------------------------------------------------------------------------------------

/// Why a call failed. Functions write it when they fail and leave it alone when they succeed, so it needs no
/// initialiser. Pass NULL where only the returned code matters.
struct cpumodel_error {
    /// The daemon's error code (JSON-RPC, -32768 to -32000); or minus an errno when the fault is on this side:
    /// -EINVAL, the request makes no sense; -ETIMEDOUT, no answer in time; -EPROTO, the peer does not speak the
    /// protocol; -ECONNRESET, it hung up; -ENOTCONN, the connection ended at an earlier fault; -EDEADLK, an executor used
    /// the connection that waits for it; -ENOMEM; or what connect(2) or sendmsg(2) said.
    int code;
    /// One word for a program: the daemon's (`featuresUnavailable`, `altered`, ...), or `connection`, `timeout`,
    /// `protocol`, `invalidArgument`, `noMemory`.
    char kind[32];
    /// One sentence for a person.
    char message[512];
    /// What the daemon adds for a program, JSON text; or NULL. See cpumodel_result_read().
    char *data;
};

/// Frees what a filled-in error holds.
CPUMODEL_API void cpumodel_error_clear(struct cpumodel_error *error);

// ---- Before the first vCPU ------------------------------------------------------------------------------------------

/// Asks the kernel for permission to give guests the state of AMX, XTILEDATA: arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM, 18).
/// KVM refuses a table with AMX without it, and it can be had only before this process creates its first vCPU.
/// `model.expand` and `table.compute` say under `requirements` which models need it; asking for nothing does no harm.
/// Returns 0, or minus an errno: -EOPNOTSUPP, neither CPU nor kernel has AMX; -EBUSY, there is a vCPU already.
CPUMODEL_API int cpumodel_request_tile_data(void);

// ---- Connection -----------------------------------------------------------------------------------------------------

struct cpumodel;

/// Connects to the daemon at `path`; if NULL, at $CPUMODELD_SOCKET; if that is not set, at CPUMODEL_DEFAULT_SOCKET.
/// Returns 0, or the code of `error`.
CPUMODEL_API int cpumodel_connect(struct cpumodel **connection, const char *path, struct cpumodel_error *error);

/// Closes the connection and everything it holds. The VMs it registered stay registered for as long as this process
/// lives. NULL is allowed.
CPUMODEL_API void cpumodel_close(struct cpumodel *connection);

/// Ends the connection from another thread: a call that waits on it fails with -ECONNRESET, and later ones with that or
/// -ENOTCONN. A job that is being run is run to its end.
CPUMODEL_API void cpumodel_cancel(struct cpumodel *connection);

/// How long a call may take as a whole, in milliseconds; negative: for ever. 30000 unless set.
CPUMODEL_API void cpumodel_set_timeout(struct cpumodel *connection, int milliseconds);

/// The connection's socket, or -1 after a fault. It belongs to the connection.
CPUMODEL_API int cpumodel_socket(const struct cpumodel *connection);

// ---- Applying a model -----------------------------------------------------------------------------------------------

/// Counts at each level: dies a socket, modules a die, cores a module, threads a core. 0 counts as 1.
struct cpumodel_topology {
    unsigned sockets, dies, modules, cores, threads;
};

struct kvm_cpuid2;

/// Runs a job on vCPUs; see `execute` below.
typedef int cpumodel_executor(
    void *context, int job, const int *vcpu_fds, unsigned vcpu_count, char *reason, size_t reason_size);

/// What a VM is to get. Zero it first: zero always means the default.
struct cpumodel_vm {
    /// Name of the VM, unique on this host.
    const char *name;
    /// Model expression: `EPYC-Milan-v2,-svm,+invtsc`, or `host`, or `max`.
    const char *model;
    /// The vCPUs, all of them, in topology order: threads of a core next to each other. They stay the caller's.
    const int *vcpu_fds;
    unsigned vcpu_count;
    /// All zero: one socket, and a core a vCPU.
    struct cpumodel_topology topology;
    /// x2APIC id of each vCPU, in the order of `vcpu_fds`. NULL: the vCPU ids given to KVM_CREATE_VCPU, which must
    /// then be what the topology gives.
    const uint32_t *apic_ids;
    /// Guest physical address width. 0: the host's.
    unsigned physical_address_bits;
    /// Leave out what the model names and this host cannot give, instead of failing.
    bool drop_unavailable;
    /// Accept a table that KVM changed, instead of failing.
    bool accept_altered;
    /// Take the name over from a VM of the same user.
    bool replace;
    /// The vCPUs come to those of a VM that this process has registered by that name, if it has: for a VMM that makes
    /// its vCPUs one at a time.
    bool join;
    /// Called to run a job, with `context`, instead of cpumodel_execute_job(): for a VMM whose vCPU ioctls must be
    /// made by another thread. It may call cpumodel_execute_job() there. Returns the number of steps executed; or -1
    /// with a sentence in `reason` when it has executed none. The descriptors stay the library's.
    cpumodel_executor *execute;
    void *context;
    /// Tables of the VMM's own, one a vCPU (struct kvm_cpuid2 of <linux/kvm.h>, at most 256 entries): the model is laid
    /// over them, and they keep what `keep` names. NULL: the daemon makes the tables.
    const struct kvm_cpuid2 *const *base;
    /// Words with commas between: `topology`, `hypervisor`, `tsc`, `physicalAddressBits`, `caches`, `pmu` (Protocol.md
    /// says what each is). NULL: the first four. Only with `base`.
    const char *keep;
    /// Further parameters of vm.apply (Protocol.md), the text of a JSON object: `{"pmu":true,"tscKHz":2900000}`. NULL: none.
    /// One that a member above gives as well is an error.
    const char *parameters;
    /// Must be zero.
    void *reserved[4];
};

/// How the table that KVM has compares with the table that was asked for; the higher, the worse.
enum cpumodel_verdict {
    CPUMODEL_UNKNOWN = 0,  ///< not said, or a word that this library does not know
    CPUMODEL_EXACT = 1,    ///< equal
    CPUMODEL_RUNTIME = 2,  ///< only bits differ that KVM keeps up to date while the guest runs, such as OSXSAVE
    CPUMODEL_ALTERED = 3,  ///< KVM changed something
    CPUMODEL_REFUSED = 4,  ///< KVM took no table
};

/// `exact`, `runtime`, `altered`, `refused`, or `unknown`.
CPUMODEL_API const char *cpumodel_verdict_name(enum cpumodel_verdict verdict);

/// A bit of a register, and the feature it stands for if it has a name (else NULL).
struct cpumodel_bit {
    unsigned bit;
    const char *feature;
};

/// One register, or one whole entry, that is not as asked for.
struct cpumodel_difference {
    uint32_t leaf, subleaf;
    /// `eax`, `ebx`, `ecx`, `edx`; or NULL when the whole entry is meant.
    const char *reg;
    uint32_t want, got;
    /// `forcedOn`, `forcedOff`, `valueChanged`, `droppedLeaf`, `addedLeaf`, `runtime`.
    const char *kind;
    const struct cpumodel_bit *bits;
    size_t bit_count;
};

/// What one or more vCPUs have in common.
struct cpumodel_difference_set {
    const struct cpumodel_difference *differences;
    size_t count;
};

/// One vCPU, in the order of cpumodel_vm.vcpu_fds.
struct cpumodel_vcpu {
    unsigned index;
    uint32_t vcpu_id, apic_id;
    enum cpumodel_verdict verdict;
    const char *stamp;
    /// Index into cpumodel_result.difference_sets, or -1.
    int difference_set;
};

/// A feature that the model names and the guest does not get.
struct cpumodel_feature {
    const char *name;
    const char *reason;
};

/// What was applied. Strings and arrays belong to the result; strings are never NULL unless said.
struct cpumodel_result {
    const char *vm;
    /// The model with its version, as resolved.
    const char *model;
    /// The worst of the vCPUs'.
    enum cpumodel_verdict verdict;
    /// Hash of what the guest can see: guests with equal stamps are interchangeable.
    const char *stamp;
    const struct cpumodel_vcpu *vcpus;
    size_t vcpu_count;
    const struct cpumodel_difference_set *difference_sets;
    size_t difference_set_count;
    /// Left out under `drop_unavailable`; in a failure, what stood in the way.
    const struct cpumodel_feature *missing;
    size_t missing_count;
    /// All of it as the daemon said it: JSON text.
    const char *json;
    /// Which request this is the result of: cpumodel_agent_options.request_id.
    const char *request_id;
};

/// Gives the vCPUs the model and reads back what KVM took. Returns 0 and a result to free with cpumodel_result_free();
/// or the code of `error`. The daemon's error says, in `restored` of its data, what the vCPUs have then.
///
/// A time-out or a fault of the protocol ends the connection, so that no job can come late.
CPUMODEL_API int cpumodel_apply(
    struct cpumodel *connection, const struct cpumodel_vm *vm, struct cpumodel_result **result,
    struct cpumodel_error *error);

/// Reads a result out of JSON text: what vm.apply or vm.show returned, or the data of an error, which has the same
/// members as far as they apply. Returns 0, -EINVAL when the text is no JSON object, or -ENOMEM.
CPUMODEL_API int cpumodel_result_read(const char *json, struct cpumodel_result **result);

/// Frees a result. NULL is allowed.
CPUMODEL_API void cpumodel_result_free(struct cpumodel_result *result);

/// Has the daemon let go of a VM: it closes the vCPU descriptors that it holds, which keep the VM alive in the kernel, forgets
/// what it knows of it, and takes nothing from an agent of it any more. The vCPUs keep their tables. `request_id` is that of
/// the last cpumodel_apply() for the VM. Needed only by a process that destroys a VM and lives on, for the daemon lets go of
/// all when it ends. First end the VM's agent.
///
/// Returns 0, also when the daemon has let go of this VM before: it was restarted, or the name has been given to another VM,
/// which stays; or the code of `error`.
CPUMODEL_API int cpumodel_detach(
    struct cpumodel *connection, const char *vm, const char *request_id, struct cpumodel_error *error);

// ---- Computing only: for a VMM that sets its tables itself --------------------------------------------------------------

struct kvm_msrs;

/// What one vCPU is to get.
struct cpumodel_table {
    uint32_t apic_id;
    /// For KVM_SET_CPUID2 (struct kvm_cpuid2 of <linux/kvm.h>).
    const struct kvm_cpuid2 *cpuid;
};

/// The tables of all vCPUs. Strings and arrays belong to it.
struct cpumodel_tables {
    /// The model with its version, as resolved.
    const char *model;
    /// As in cpumodel_result, if KVM takes the tables as they are.
    const char *stamp;
    /// In topology order.
    const struct cpumodel_table *vcpus;
    size_t vcpu_count;
    /// Feature MSRs for KVM_SET_MSRS, on every vCPU after its table is set. `nmsrs` may be 0.
    const struct kvm_msrs *msrs;
    /// Left out under `drop_unavailable`.
    const struct cpumodel_feature *missing;
    size_t missing_count;
    /// All of it as the daemon said it: JSON text. `requirements` says what the launcher must do first.
    const char *json;
};

/// Computes what cpumodel_apply() would set, and touches no vCPU: of `vm` it takes `model`, `vcpu_count`, `topology`,
/// `apic_ids`, `physical_address_bits`, `drop_unavailable`, `base` and `keep`, and asks for no name and no descriptors.
/// Nothing is registered, and nobody reads back what KVM makes of the tables: that is the caller's to do. Returns 0 and tables
/// to free with cpumodel_tables_free(); or the code of `error`.
CPUMODEL_API int cpumodel_compute(
    struct cpumodel *connection, const struct cpumodel_vm *vm, struct cpumodel_tables **tables,
    struct cpumodel_error *error);

/// Frees tables. NULL is allowed.
CPUMODEL_API void cpumodel_tables_free(struct cpumodel_tables *tables);

// ---- The agent: letting the daemon read the vCPUs while the guest runs ------------------------------------------------

/// A thread that keeps a connection to the daemon and runs the jobs by which it reads CPUID, control registers and MSRs of
/// the vCPUs: what `cpumodelctl caps` and `verify` show then is the kernel's own answer. A daemon that is restarted is
/// connected to again, and given the vCPUs anew.
///
/// An agent reads, and changes nothing: a job with any other step is refused. It interrupts no vCPU. An ioctl on a vCPU
/// waits for it to leave KVM_RUN; then the job's own thread waits, and the daemon, which has its deadline, answers from
/// what else it knows.
struct cpumodel_agent;

/// Zero it first: zero always means the default.
struct cpumodel_agent_options {
    /// The daemon's socket, as for cpumodel_connect().
    const char *path;
    /// Name of the VM, and cpumodel_result.request_id of what was applied to it.
    const char *vm, *request_id;
    /// Its vCPUs, as in cpumodel_vm. The agent keeps duplicates, which keep the VM alive until cpumodel_agent_stop().
    const int *vcpu_fds;
    unsigned vcpu_count;
    /// Called to run a job, with `context`, instead of cpumodel_execute_job(): for a VMM that calls its vCPUs back. It may
    /// be called by several threads at a time, each with one vCPU, and must return.
    cpumodel_executor *execute;
    void *context;
    /// Must be zero.
    void *reserved[4];
};

enum cpumodel_agent_state {
    CPUMODEL_AGENT_CONNECTING = 0,  ///< there is no daemon, or none yet; it is tried again and again
    CPUMODEL_AGENT_ATTACHED = 1,    ///< the daemon can read the vCPUs
    CPUMODEL_AGENT_REFUSED = 2,     ///< the daemon does not know the VM, or gives it to another; tried again later
};

/// Starts the agent of a VM, in the process that created it. Returns 0 at once, whether there is a daemon or not; or the
/// code of `error`.
CPUMODEL_API int cpumodel_agent_start(
    struct cpumodel_agent **agent, const struct cpumodel_agent_options *options, struct cpumodel_error *error);

/// How the agent stands with the daemon.
CPUMODEL_API enum cpumodel_agent_state cpumodel_agent_state(struct cpumodel_agent *agent);

/// Waits until the agent is attached or refused, at most that long. Returns its state.
CPUMODEL_API enum cpumodel_agent_state cpumodel_agent_wait(struct cpumodel_agent *agent, int milliseconds);

/// Ends the agent and frees it. Call it before the VM is destroyed. A job that waits for a running vCPU is left to a thread
/// of its own, which ends when the vCPU has left KVM_RUN; one in `execute` is waited for. NULL is allowed.
CPUMODEL_API void cpumodel_agent_stop(struct cpumodel_agent *agent);

// ---- Everything else the daemon can do ------------------------------------------------------------------------------

/// Calls a method that takes no descriptors. `params` is the text of a JSON object, or NULL for none. Returns 0 and, if
/// `result` is not NULL, the result as JSON text to free with free(3); or the code of `error`.
CPUMODEL_API int cpumodel_call(
    struct cpumodel *connection, const char *method, const char *params, char **result, struct cpumodel_error *error);

/// Runs a job (see JobFormat.md) on this thread: checks all of it, then makes its ioctls and stores their results in
/// it. Returns the number of steps executed; or -1 with a sentence in `reason` when it executed none, because
/// something in the job is not as it must be. Closes nothing.
CPUMODEL_API int cpumodel_execute_job(
    int job, const int *vcpu_fds, unsigned vcpu_count, char *reason, size_t reason_size);

// ---- Under seccomp --------------------------------------------------------------------------------------------------
//
// The system calls of the library, on x86-64 with glibc 2.36, for VMMs that filter theirs; there are no others. In brackets are
// those that only other C libraries, older kernels or rare moments need. `ioctl` is made on vCPUs only, with the requests of
// JobFormat.md. Other threads than these may be under filters that allow nothing.
//
//     memory, for each function: brk mmap munmap mremap mprotect madvise getrandom
//     waiting for another thread: futex [clock_gettime]
//     cpumodel_connect: socket setsockopt connect fcntl [close]
//     cpumodel_close: close
//     cpumodel_cancel: shutdown
//     cpumodel_apply, _compute, _detach, _call: sendmsg recvmsg poll close [clock_nanosleep clock_gettime]
//     cpumodel_apply, cpumodel_execute_job: fcntl newfstatat mmap ioctl munmap [fstat]
//     cpumodel_agent_start: fcntl rt_sigaction rt_sigprocmask clone3 [clone]
//     the agent's threads: all of the above, set_robust_list rseq exit [clock_gettime]
//     cpumodel_agent_stop: shutdown close
//     cpumodel_request_tile_data: arch_prctl
//
// A VMM that has its vCPUs a model applied, and its agent started, before it installs its filters needs to allow nothing of
// this to its own threads.

#ifdef __cplusplus
}
#endif

#endif
