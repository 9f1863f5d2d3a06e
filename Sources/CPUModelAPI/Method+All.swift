// SPDX-License-Identifier: Apache-2.0

extension Method {
    /// Describes the API itself.
    public static let discover = Method(
        "rpc.discover", "The OpenRPC document of this API", access: .action(.query), result: .any("an OpenRPC document")
    )

    /// Tells how the daemon is.
    public static let status = Method(
        "daemon.status", "Health, versions and counts; what changed in the host since an earlier run",
        access: .action(.query), parameters: StatusParameters.members, result: StatusResult.schema)

    /// Tells what the daemon has done, in numbers.
    public static let metrics = Method(
        "daemon.metrics", "What the daemon has done, in numbers, as OpenMetrics text", access: .action(.query),
        result: MetricsResult.schema)

    /// Describes this host.
    public static let describeHost = Method(
        "host.describe", "This host as a HostCPU document", access: .action(.query), result: HostDocument.schema)

    /// Lists the catalog.
    public static let listModels = Method(
        "model.list", "Every version of every model, with what this host lacks of it", access: .action(.query),
        parameters: ListParameters.members,
        result: .object(
            [
                .required("models", .array(ModelSummary.schema, "by name and version")),
                .required("digest", .string("of the whole catalog")),
            ], ""))

    /// Shows one model.
    public static let showModel = Method(
        "model.show", "One model as it is defined", access: .action(.query), parameters: ShowParameters.members,
        result: ModelDefinition.schema)

    /// Expands a model expression.
    public static let expandModel = Method(
        "model.expand", "A model expression as features and MSRs; what the host cannot give, and why",
        access: .action(.query),
        parameters: ExpandParameters.members, result: Expansion.schema)

    /// Names a CPU.
    public static let detectModel = Method(
        "model.detect", "The nearest named model of a CPU, and every difference", access: .action(.query),
        parameters: DetectParameters.members,
        result: DetectResult.schema)

    /// Compares two CPUs.
    public static let compareModels = Method(
        "model.compare", "Whether a CPU has all of another, and what they differ in", access: .action(.query),
        parameters: CompareParameters.members, result: CompareResult.schema)

    /// Finds what CPUs have in common.
    public static let baselineModels = Method(
        "model.baseline", "The most that guests can be given who are to run on any of several CPUs",
        access: .action(.query),
        parameters: BaselineParameters.members, result: BaselineResult.schema)

    /// Defines a model at run time.
    public static let defineModel = Method(
        "model.define", "Defines a model, or changes one that was defined at run time; survives restarts",
        access: .action(.define),
        parameters: DefineParameters.members, result: DefineResult.schema)

    /// Removes a model that was defined at run time.
    public static let removeModel = Method(
        "model.remove", "Removes a model that was defined at run time", access: .action(.define),
        parameters: RemoveParameters.members,
        result: .object([.required("removed", .string("the model's name"))], ""))

    /// Writes a model in another program's words.
    public static let exportModel = Method(
        "model.export", "A model in the words of QEMU, libvirt, Firecracker, Linux or compilers",
        access: .action(.query),
        parameters: ExportParameters.members, result: ExportResult.schema)

    /// Reads a model in another program's words.
    public static let importModel = Method(
        "model.import", "What another program's words for a CPU mean here", access: .action(.query),
        parameters: ImportParameters.members,
        result: ImportResult.schema)

    /// Computes tables.
    public static let computeTable = Method(
        "table.compute", "The CPUID tables and feature MSRs of every vCPU", access: .action(.query),
        parameters: ComputeParameters.members,
        result: ComputeResult.schema)

    /// Applies a model to a VM.
    public static let applyVM = Method(
        "vm.apply", "Gives a VM's vCPUs a CPU model, reads back what KVM took, and registers the VM",
        access: .action(.apply),
        parameters: ApplyParameters.members, result: ApplyResult.schema, takesDescriptors: true)

    /// Makes a connection the one by which a VM's vCPUs can be read.
    public static let attachVM = Method(
        "vm.attach", "Makes this connection the one on which the daemon asks the VM's owner to read its vCPUs",
        access: .ownerOr(.apply),
        parameters: AttachParameters.members,
        result: .object(
            [
                .required("vm", .string("the VM's name")),
                .required("vcpuCount", .integer(1...4096, "")),
                .required("vcpusHeld", .boolean("whether the daemon holds descriptors of its vCPUs")),
            ], ""), takesDescriptors: true)

    /// Tells what a running VM may use.
    public static let vmCaps = Method(
        "vm.caps", "What each vCPU of a VM may use right now, every value with its source and age",
        access: .ownerOr(.query),
        parameters: CapsParameters.members, result: CapsResult.schema)

    /// Tells whether running VMs have still what they were given.
    public static let verifyVM = Method(
        "vm.verify", "Reads the tables back now, and tells how they differ from what was recorded",
        access: .ownerOr(.query),
        parameters: VerifyParameters.members, result: VerifyResult.schema)

    /// Has a connection told what happens to VMs.
    public static let watchVMs = Method(
        "vm.watch", "The VMs as they are now, and from then on a notification of everything that happens to them",
        access: .action(.query), parameters: WatchParameters.members, result: WatchResult.schema,
        notification: .init(name: WatchResult.notification, parameters: VMEvent.schema))

    /// Lists VMs.
    public static let listVMs = Method(
        "vm.list", "The registered VMs, or those that a question is about", access: .action(.query),
        parameters: ListVMsParameters.members, result: VMListResult.schema)

    /// Shows one VM.
    public static let showVM = Method(
        "vm.show", "One registered VM with the verdict of every vCPU", access: .ownerOr(.query),
        parameters: ShowVMParameters.members,
        result: VMShowResult.schema)

    /// Forgets a VM.
    public static let forgetVM = Method(
        "vm.forget", "Drops a VM from the registry; the VM itself is left alone", access: .ownerOr(.forget),
        parameters: ForgetParameters.members,
        result: .object([.required("forgotten", .string("the VM's name"))], ""))

    /// Checks whether a guest can move.
    public static let checkMigration = Method(
        "vm.checkMigration", "Whether a guest can run on hosts, every reason why not, and the smallest change",
        access: .action(.query),
        parameters: CheckMigrationParameters.members, result: CheckMigrationResult.schema)

    /// Every method, in the order of the documentation.
    public static let all: [Method] = [
        discover, status, metrics, describeHost, listModels, showModel, expandModel, defineModel, removeModel,
        detectModel,
        compareModels,
        baselineModels, exportModel, importModel, computeTable, applyVM, attachVM, vmCaps, verifyVM, watchVMs,
        listVMs, showVM, forgetVM, checkMigration,
    ]
}
