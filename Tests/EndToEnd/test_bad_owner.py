# SPDX-License-Identifier: Apache-2.0
"""Owners that answer owner.execute late, wrongly, or not at all: they lose their request, not the daemon."""

import errno
import os
import struct
import time

import cpumodel
import kvm
from cases import BadInputCase, needs_kvm
from harness import Child, Recorder

DEADLINE_MS = 500


class Raw(Recorder):
    """A client whose `behave(request, fds)` handles owner.execute in place of the executor."""

    behave = None

    def serve(self, request, fds):
        if self.behave is None:
            return super().serve(request, fds)
        try:
            return self.behave(request, fds)
        finally:
            cpumodel.close_all(fds)

    def answer(self, request, **members):
        self.send({"jsonrpc": "2.0", "id": request["id"], **members})

    def run(self, request, fds):
        return self.execute(request["params"], fds)


@needs_kvm
class BadOwner(BadInputCase):
    """The client misbehaves inside its own vm.apply."""

    options = ("--owner-deadline-ms", str(DEADLINE_MS))

    def misbehave(self, behave, *kinds, vcpus=2):
        """One vm.apply with a client that behaves so; the error it gets."""
        vm, client = self.make_vm(vcpus), self.connect(Raw)
        client.behave = lambda request, fds: behave(client, request, fds)
        with self.fails(*(kinds or ("ownerFault",))) as caught:
            self.try_apply(vm.vcpus, client)
        client.behave = None
        self.apply_again()
        return caught.exception

    def apply_again(self):
        """The name is free, and the daemon works."""
        vm, client = self.make_vm(), self.connect()
        self.check_result(self.try_apply(vm.vcpus, client), vm, client.asked)
        self.call("vm.forget", {"vm": "bad"})

    # ---- answers

    def test_result_of_another_shape(self):
        counts = ("6", -1, 1.5, None, True, 2**64)
        for result in (None, 3, "done", [], {}, *({"executed": count} for count in counts)):
            self.misbehave(lambda client, request, fds, result=result: client.answer(request, result=result))

    def test_neither_result_nor_error(self):
        self.misbehave(lambda client, request, fds: client.answer(request))

    def test_error_of_another_shape(self):
        for error in (None, "no", {}, {"code": "x", "message": 1}):
            self.misbehave(lambda client, request, fds, error=error: client.answer(request, error=error))

    def test_refusal(self):
        refusal = {"code": cpumodel.JOB_REFUSED, "message": "this owner runs no jobs on Sundays"}
        error = self.misbehave(lambda client, request, fds: client.answer(request, error=refusal))
        self.assertIn("Sundays", error.message)

    def test_refused_reading_of_registers_puts_the_tables_back(self):
        """The tables are set by then; what cannot be judged must not stay."""
        vm, client, jobs = self.make_vm(2), self.connect(Raw), []
        if not vm.set_osxsave(1):
            self.skipTest("this KVM does not take CR4.OSXSAVE")
        before = vm.tables()

        def behave(request, fds):
            first = struct.unpack_from("<I", os.pread(fds[0], 4, cpumodel.HEADER.size))[0]
            jobs.append(first)
            if first == kvm.KVM_GET_SREGS:
                client.answer(request, error={"code": cpumodel.JOB_REFUSED, "message": "no registers on Sundays"})
            else:
                client.answer(request, result={"executed": client.run(request, fds)})

        client.behave = behave
        with self.fails("ownerFault") as caught:
            self.try_apply(vm.vcpus, client)
        # The first job finds the table that CR4.OSXSAVE takes; the second has room for it.
        self.assertEqual(jobs, [kvm.KVM_GET_CPUID2] * 2 + [kvm.KVM_GET_SREGS, kvm.KVM_SET_CPUID2])
        self.assertIs(caught.exception.data["restored"], True)
        self.assertIn("Sundays", caught.exception.message)
        self.assertIn("the table it had before", caught.exception.message)
        self.assertEqual(vm.tables(), before)
        client.behave = None
        self.apply_again()

    def test_kvm_adds_more_entries_than_the_job_had_room_for(self):
        """Everything was set, and only then did KVM say E2BIG: the daemon asks again, with room for whatever there is."""
        for ends_well in (True, False):
            vm, client, jobs = self.make_vm(2), self.connect(Raw), []
            before = vm.tables()

            def behave(request, fds, client=client, jobs=jobs, ends_well=ends_well):
                executed, size = client.run(request, fds), cpumodel.STEP.size
                job = os.pread(fds[0], request["params"]["size"], 0)
                requests = [
                    struct.unpack_from("<I", job, cpumodel.HEADER.size + size * n)[0]
                    for n in range(request["params"]["steps"])
                ]
                jobs.append(requests)
                is_first, is_again = len(jobs) == 1, len(jobs) == 2
                if is_first or is_again and not ends_well:
                    # As KVM would: the last step of the job is the first that fails.
                    last = executed - (1 if is_first else len(requests))
                    place = cpumodel.HEADER.size + size * last + cpumodel.RESULT_OFFSET
                    os.pwrite(fds[0], struct.pack("<i", -errno.E2BIG), place)
                    os.pwrite(fds[0], struct.pack("<I", last + 1), cpumodel.EXECUTED_OFFSET)
                    executed = last + 1
                client.answer(request, result={"executed": executed})

            client.behave = behave
            if ends_well:
                self.check_result(self.try_apply(vm.vcpus, client), vm, client.asked)
                self.call("vm.forget", {"vm": "bad"})
            else:
                with self.fails("refused") as caught:
                    self.try_apply(vm.vcpus, client)
                self.assertEqual(caught.exception.data["ioctl"], "KVM_GET_CPUID2")
                self.assertIs(caught.exception.data["restored"], True)
                self.assertEqual(vm.tables(), before)
                client.behave = None
                self.apply_again()
            self.assertEqual(jobs[1], [kvm.KVM_GET_CPUID2] * 2)

    def test_kvm_refuses_a_step_with_an_errno(self):
        """What the ioctl said is in the error, with a sentence on it, and the vCPUs have what they had."""
        for errno_, name, words in (
            (errno.EPERM, "EPERM", "seccomp"), (errno.EIO, "EIO", "another process"), (errno.ENOMEM, "ENOMEM", "")
        ):  # fmt: skip
            vm, client = self.make_vm(2), self.connect(Raw)
            before = vm.tables()

            def behave(request, fds, client=client, errno_=errno_):
                # As KVM would: the tables were read, the first could not be set, and the job ended there.
                steps, size = request["params"]["steps"], cpumodel.STEP.size
                job = bytearray(os.pread(fds[0], request["params"]["size"], 0))
                requests = [struct.unpack_from("<I", job, cpumodel.HEADER.size + size * n)[0] for n in range(steps)]
                if kvm.KVM_SET_CPUID2 not in requests:
                    return client.answer(request, result={"executed": client.run(request, fds)})
                first = requests.index(kvm.KVM_SET_CPUID2)
                for number in range(first):
                    os.pwrite(fds[0], struct.pack("<i", 0), cpumodel.HEADER.size + size * number + cpumodel.RESULT_OFFSET)
                os.pwrite(
                    fds[0], struct.pack("<i", -errno_), cpumodel.HEADER.size + size * first + cpumodel.RESULT_OFFSET)
                os.pwrite(fds[0], struct.pack("<I", first + 1), cpumodel.EXECUTED_OFFSET)
                client.answer(request, result={"executed": first + 1})

            client.behave = behave
            with self.fails("refused") as caught:
                self.try_apply(vm.vcpus, client)
            data = caught.exception.data
            self.assertEqual((data["errnoName"], data["ioctl"], data["vcpu"]), (name, "KVM_SET_CPUID2", 0))
            self.assertIs(data["restored"], True)
            self.assertIn(words, caught.exception.message)
            self.assertEqual(vm.tables(), before)
        self.apply_again()

    def test_method_not_found(self):
        unknown = {"code": cpumodel.METHOD_NOT_FOUND, "message": "there is no method owner.execute here"}
        # The one that could do it instead is not enabled.
        self.misbehave(lambda client, request, fds: client.answer(request, error=unknown), "executorUnavailable")

    def test_wrong_number_of_executed_steps(self):
        for wrong in (-1, 1, 2**31, 2**64):

            def behave(client, request, fds, wrong=wrong):
                client.answer(request, result={"executed": client.run(request, fds) + wrong})

            self.misbehave(behave)

    def test_says_executed_but_did_nothing(self):
        def behave(client, request, fds):
            client.answer(request, result={"executed": request["params"]["steps"]})

        self.misbehave(behave)

    def test_answers_twice(self):
        vm, client = self.make_vm(), self.connect(Raw)

        def behave(request, fds):
            executed = client.run(request, fds)
            for _ in range(2):
                client.answer(request, result={"executed": executed})

        client.behave = behave
        self.check_result(self.try_apply(vm.vcpus, client), vm, client.asked)
        self.forget("bad")
        self.check_alive(client)

    def test_answer_with_descriptors(self):
        client = self.connect(Raw)
        vm = self.make_vm()

        def behave(request, fds):
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": {"executed": client.run(request, fds)}}
            client.send(answer, fds)

        client.behave = behave
        try:
            self.try_apply(vm.vcpus, client)
        except (cpumodel.RPCError, cpumodel.ConnectionClosed) as error:
            self.note(f"refused: {error}")
        self.forget("bad")

    # ---- results in the job

    def scribble(self, write, *kinds):
        """Runs the job honestly, then lets `write(memfd)` change the file."""

        def behave(client, request, fds):
            executed = client.run(request, fds)
            write(fds[0])
            client.answer(request, result={"executed": executed})

        return self.misbehave(behave, *(kinds or ("ownerFault",)))

    def argument(self, memfd, request, field=16):
        """Where the argument of the last step of this request lies."""
        job = os.pread(memfd, os.fstat(memfd).st_size, 0)
        steps = [cpumodel.STEP.unpack_from(job, 64 + 48 * i) for i in range(cpumodel.HEADER.unpack_from(job)[3])]
        return max(step[4] for step in steps if step[0] == request)

    def test_random_bytes_all_over(self):
        self.scribble(lambda memfd: os.pwrite(memfd, os.urandom(os.fstat(memfd).st_size), 0))

    def test_random_bytes_behind_the_header(self):
        for _ in range(10):
            self.scribble(lambda memfd: os.pwrite(memfd, os.urandom(os.fstat(memfd).st_size - 64), 64))

    def test_zeros_all_over(self):
        self.scribble(lambda memfd: os.pwrite(memfd, bytes(os.fstat(memfd).st_size), 0))

    def test_result_that_no_ioctl_gives(self):
        for result in (1, 12345, -4096, -(2**31) + 1, cpumodel.NOT_EXECUTED):
            self.scribble(lambda memfd, result=result: os.pwrite(memfd, struct.pack("<i", result), 64 + 12))

    def test_steps_changed_but_for_their_results(self):
        """What the daemon wrote itself it need not read again; if it does, it sees a fault."""
        vm, client = self.make_vm(2), self.connect(Raw)

        def behave(request, fds):
            executed = client.run(request, fds)
            for number in range(request["params"]["steps"]):
                os.pwrite(fds[0], struct.pack("<III", kvm.KVM_RUN, 77, 0xFF), 64 + 48 * number)
                os.pwrite(fds[0], struct.pack("<QQ", 2**63, 2**63), 64 + 48 * number + 16)
            client.answer(request, result={"executed": executed})

        client.behave = behave
        try:
            self.check_result(self.try_apply(vm.vcpus, client), vm, client.asked)
        except cpumodel.RPCError as error:
            self.check_error(error, "ownerFault")
        self.forget("bad")

    def test_table_of_a_billion_entries(self):
        for count in (257, 2**20, 2**32 - 1):
            self.scribble(
                lambda memfd, count=count: os.pwrite(
                    memfd, struct.pack("<I", count), self.argument(memfd, kvm.KVM_GET_CPUID2)
                )
            )

    def test_job_truncated(self):
        def write(memfd):
            for size in (0, os.fstat(memfd).st_size - 1, 1 << 30):
                with self.assertRaises(PermissionError):
                    os.ftruncate(memfd, size)
            os.pwrite(memfd, b"\xff" * 64, 0)

        self.scribble(write)

    def test_refused_job_is_left_alone(self):
        """The client's own checks: a job spoilt before it runs is refused, and no vCPU is touched."""
        vm, client = self.make_vm(2), self.connect(Raw)
        spoils = (
            (0, b"CPUMJOB2"), (8, struct.pack("<I", 2)), (12, struct.pack("<I", 65)), (16, struct.pack("<I", 0)),
            (16, struct.pack("<I", 2**32 - 1)), (20, struct.pack("<I", 49)), (24, struct.pack("<I", 3)),
            (32, struct.pack("<Q", 1)), (40, struct.pack("<Q", 2**63)), (64, struct.pack("<I", kvm.KVM_RUN)),
            (68, struct.pack("<I", 2)), (72, struct.pack("<I", 2)), (80, struct.pack("<Q", 2**64 - 8)),
            (80, struct.pack("<Q", 64)), (88, struct.pack("<Q", 2**64 - 8)), (88, struct.pack("<Q", 7)),
        )  # fmt: skip

        def behave(request, fds):
            original = os.pread(fds[0], 128, 0)
            for offset, data in spoils:
                os.pwrite(fds[0], data, offset)
                with self.assertRaises(cpumodel.JobRefused, msg=f"{data} at {offset}"):
                    cpumodel.run_job(fds[0], fds[1:])
                os.pwrite(fds[0], original, 0)
            client.answer(request, error={"code": cpumodel.JOB_REFUSED, "message": "enough of this"})

        client.behave = behave
        with self.fails("ownerFault"):
            self.try_apply(vm.vcpus, client)
        self.assertEqual(vm.tables(), [[], []])

    # ---- deadlines

    def test_never_answered(self):
        started = time.monotonic()
        error = self.misbehave(lambda client, request, fds: None, "ownerDeadline")
        self.assertEqual(error.data["deadlineMs"], DEADLINE_MS)
        self.assertLess(time.monotonic() - started, 5)

    def test_deadline_is_announced(self):
        def behave(client, request, fds):
            self.assertEqual(request["params"]["deadlineMs"], DEADLINE_MS)
            client.answer(request, error={"code": cpumodel.JOB_REFUSED, "message": "only looking here"})

        self.misbehave(behave)

    def test_answered_too_late(self):
        def behave(client, request, fds):
            executed = client.run(request, fds)
            time.sleep(2 * DEADLINE_MS / 1000)
            client.answer(request, result={"executed": executed})

        self.misbehave(behave, "ownerDeadline")

    def test_others_are_served_meanwhile(self):
        def behave(client, request, fds):
            started = time.monotonic()
            self.call("daemon.status")
            self.assertLess(time.monotonic() - started, DEADLINE_MS / 2000)

        self.misbehave(behave, "ownerDeadline")

    def test_same_connection_is_served_meanwhile(self):
        def behave(client, request, fds):
            client.send({"jsonrpc": "2.0", "id": "between", "method": "daemon.status"})
            self.assertEqual(client.receive()[0]["id"], "between")

        self.misbehave(behave, "ownerDeadline")

    def test_hangs_up_instead_of_answering(self):
        vm, client = self.make_vm(), self.connect(Raw)
        client.start("vm.apply", {"name": "bad", "model": "host"}, vm.vcpus)
        _, fds = client.receive()
        cpumodel.close_all(fds)
        client.close()
        self.eventually(lambda: self.registered() == set(), "the VM is registered")
        self.apply_again()

    # ---- deaths

    def check_death(self, behave):
        """A child process whose client behaves so, and is dead at the end of it."""

        def work(pipe):
            vm, client = kvm.VM(4), self.daemon.connect(Raw)
            client.behave = lambda request, fds: behave(client, request, fds)
            client.call("vm.apply", {"name": "bad", "model": "host", "altered": "accept"}, vm.vcpus)

        with Child(work) as child:
            self.assertEqual(child.wait(), 0)
        self.eventually(lambda: self.registered() == set(), "the VM is registered")
        self.check_descriptors_are_as_before()
        self.apply_again()

    def test_dies_before_executing(self):
        self.check_death(lambda client, request, fds: os._exit(0))

    def test_dies_while_executing(self):
        def behave(client, request, fds):
            steps, step = [], cpumodel.run_step

            def run_step(*arguments):
                steps.append(arguments)
                return os._exit(0) if len(steps) > 6 else step(*arguments)

            cpumodel.run_step = run_step
            client.run(request, fds)

        self.check_death(behave)

    def test_dies_after_executing(self):
        def behave(client, request, fds):
            client.run(request, fds)
            os._exit(0)

        self.check_death(behave)

    def test_dies_after_answering(self):
        def behave(client, request, fds):
            client.answer(request, result={"executed": client.run(request, fds)})
            os._exit(0)

        self.check_death(behave)
