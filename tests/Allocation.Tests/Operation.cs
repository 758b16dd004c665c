using System.Globalization;
using System.Reflection;

using BenchmarkDotNet.Running;

using FastChat.Bench.Micro;

namespace FastChat.Allocation.Tests;

/// <summary>
/// A benchmark as the gate sees it: the same method of the same class with the same parameters and set-up that BenchmarkDotNet would run, found by
/// BenchmarkDotNet itself. What is timed and what is gated can therefore not drift apart.
/// </summary>
internal sealed class Operation(BenchmarkCase benchmark)
{
    /// <summary>"Ring.BoundedChannel", with "[Messages=64]" when the class has parameters: the name in the baseline.</summary>
    public string Name { get; } = NameOf(benchmark);

    /// <summary>Operations in one call of the method.</summary>
    public int PerCall => benchmark.Descriptor.OperationsPerInvoke;

    /// <summary>True when other threads do a part of the work.</summary>
    public bool HasThreads => benchmark.Descriptor.HasCategory(MicroCategories.Threads);

    /// <summary>True for what every message passes: it allocates nothing, and no baseline may say otherwise.</summary>
    public bool IsHot => !benchmark.Descriptor.HasCategory(MicroCategories.Lost) && !benchmark.Descriptor.HasCategory(MicroCategories.Cold);

    /// <summary>Every benchmark of an assembly.</summary>
    public static IReadOnlyList<Operation> In(Assembly assembly) => assembly.GetExportedTypes()
        .Where(type => !type.IsAbstract && type.GetMethods().Any(method => method.IsDefined(typeof(BenchmarkDotNet.Attributes.BenchmarkAttribute))))
        .SelectMany(Of)
        .OrderBy(operation => operation.Name, StringComparer.Ordinal)
        .ToArray();

    /// <summary>The benchmarks of a class, once for each combination of its parameters.</summary>
    public static IEnumerable<Operation> Of(Type type) => BenchmarkConverter.TypeToBenchmarks(type).BenchmarksCases.Select(found => new Operation(found));

    /// <summary>Sets the class up, lets <paramref name="use"/> have the method, and cleans up.</summary>
    public T With<T>(Func<Call, T> use)
    {
        object instance = Activator.CreateInstance(benchmark.Descriptor.Type)!;
        foreach (var parameter in benchmark.Parameters.Items)
        {
            instance.GetType().GetProperty(parameter.Name)!.SetValue(instance, parameter.Value);
        }

        benchmark.Descriptor.GlobalSetupMethod?.Invoke(instance, null);
        try
        {
            return use(Call.Of(benchmark.Descriptor.WorkloadMethod, instance));
        }
        finally
        {
            benchmark.Descriptor.GlobalCleanupMethod?.Invoke(instance, null);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    private static string NameOf(BenchmarkCase benchmark)
    {
        string type = benchmark.Descriptor.Type.Name.Replace("Benchmarks", string.Empty, StringComparison.Ordinal);
        string parameters = string.Join(
            ',', benchmark.Parameters.Items.Select(item => string.Create(CultureInfo.InvariantCulture, $"{item.Name}={item.Value}")));
        return $"{type}.{benchmark.Descriptor.WorkloadMethod.Name}{(parameters.Length == 0 ? string.Empty : $"[{parameters}]")}";
    }
}

/// <summary>A benchmark's method, bound and called without reflection and without boxing what it returns, so that every byte counted is its own.</summary>
internal abstract class Call
{
    /// <summary>Calls it so many times.</summary>
    public abstract void Repeat(int times);

    public static Call Of(MethodInfo method, object instance)
    {
        if (method.ReturnType == typeof(void))
        {
            return new VoidCall(method.CreateDelegate<Action>(instance));
        }

        Type call = typeof(ValueCall<>).MakeGenericType(method.ReturnType);
        Delegate bound = method.CreateDelegate(typeof(Func<>).MakeGenericType(method.ReturnType), instance);
        return (Call)Activator.CreateInstance(call, bound)!;
    }

    private sealed class VoidCall(Action method) : Call
    {
        public override void Repeat(int times)
        {
            for (int i = 0; i < times; i++)
            {
                method();
            }
        }
    }

    private sealed class ValueCall<T>(Func<T> method) : Call
    {
        /// <summary>Keeps the result alive, as BenchmarkDotNet's consumer does.</summary>
        public T? Last { get; private set; }

        public override void Repeat(int times)
        {
            for (int i = 0; i < times; i++)
            {
                Last = method();
            }
        }
    }
}
