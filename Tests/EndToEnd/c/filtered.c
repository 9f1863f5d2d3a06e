// SPDX-License-Identifier: Apache-2.0
//
// A launcher under a seccomp filter that kills for every system call that it was not told to allow, and for every ioctl that
// is none of a job's.
//
//     filtered inside SOCKET NUMBER...    connects, applies, has an agent, detaches: all under the filter
//     filtered before SOCKET NUMBER...    connects, applies and starts an agent, and then shuts itself up

#include <cpumodel.h>

#include <err.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { VCPUS = 2, MOST_INSTRUCTIONS = 1024, TIMEOUT = 30000 };

static const uint32_t requests[] = {
    KVM_SET_CPUID2, KVM_GET_CPUID2, KVM_SET_MSRS, KVM_GET_MSRS, KVM_GET_SREGS, KVM_GET_SREGS2, KVM_GET_XCRS, KVM_ENABLE_CAP};

static void make_vm(int *vcpus)
{
    int device = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = ioctl(device, KVM_CREATE_VM, 0);
    if (ioctl(vm, KVM_CREATE_IRQCHIP, 0) < 0)
        err(1, "no VM");
    for (int i = 0; i < VCPUS; i++)
        if ((vcpus[i] = ioctl(vm, KVM_CREATE_VCPU, i)) < 0)
            err(1, "no vCPU");
}

static void add(struct sock_fprog *program, struct sock_filter instruction)
{
    if (program->len == MOST_INSTRUCTIONS)
        errx(2, "too many system calls");
    program->filter[program->len++] = instruction;
}

static void allow_if_equal(struct sock_fprog *program, uint32_t value)
{
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

/// For all threads there are.
static void install_filter(char **numbers, int count)
{
    static struct sock_filter code[MOST_INSTRUCTIONS];
    struct sock_fprog program = {.filter = code};
    const struct sock_filter kill = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    add(&program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
    add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
    add(&program, kill);
    add(&program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    bool has_ioctl = false;
    for (int i = 0; i < count; i++) {
        uint32_t number = (uint32_t)atoi(numbers[i]);
        if (number == SYS_ioctl)
            has_ioctl = true;
        else
            allow_if_equal(&program, number);
    }
    add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 1, 0));
    add(&program, kill);
    add(&program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])));
    for (size_t i = 0; has_ioctl && i < sizeof requests / sizeof *requests; i++)
        allow_if_equal(&program, requests[i]);
    add(&program, kill);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
        || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) < 0)
        err(1, "no filter");
}

/// What this program itself does under the filter: write(2) and exit_group(2).
static void end(const char *text)
{
    write(STDOUT_FILENO, text, strlen(text));
    syscall(SYS_exit_group, 0);
}

static void check(int code, const struct cpumodel_error *error)
{
    if (code < 0)
        end(error->message);
}

int main(int argc, char **argv)
{
    struct cpumodel *daemon;
    struct cpumodel_error error;
    struct cpumodel_result *result;
    struct cpumodel_agent *agent;
    int vcpus[VCPUS];
    if (argc < 3)
        return 2;
    bool before = strcmp(argv[1], "before") == 0;
    make_vm(vcpus);
    if (!before)
        install_filter(argv + 3, argc - 3);

    check(cpumodel_connect(&daemon, argv[2], &error), &error);
    const struct cpumodel_vm vm = {
        .name = "filtered", .model = "host", .vcpu_fds = vcpus, .vcpu_count = VCPUS, .accept_altered = true};
    check(cpumodel_apply(daemon, &vm, &result, &error), &error);
    const struct cpumodel_agent_options options = {
        .path = argv[2], .vm = result->vm, .request_id = result->request_id, .vcpu_fds = vcpus, .vcpu_count = VCPUS};
    check(cpumodel_agent_start(&agent, &options, &error), &error);
    if (cpumodel_agent_wait(agent, TIMEOUT) != CPUMODEL_AGENT_ATTACHED)
        end("the agent was not attached");
    if (before)
        install_filter(argv + 3, argc - 3);

    // The agent's thread answers it.
    char *caps;
    check(
        cpumodel_call(
            daemon, "vm.caps", "{\"vm\":\"filtered\",\"source\":\"kernel\",\"deadlineMs\":30000}", &caps, &error),
        &error);
    if (!strstr(caps, "\"source\":\"kernel\""))
        end("the caps are not the kernel's");
    free(caps);
    cpumodel_agent_stop(agent);
    struct cpumodel_tables *tables;
    check(cpumodel_compute(daemon, &(struct cpumodel_vm){.model = "host", .vcpu_count = 512}, &tables, &error), &error);
    cpumodel_tables_free(tables);
    check(cpumodel_detach(daemon, "filtered", result->request_id, &error), &error);
    cpumodel_result_free(result);
    cpumodel_close(daemon);
    end("ok");
}
