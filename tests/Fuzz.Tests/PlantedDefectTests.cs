using System.Buffers;

using FastChat.Fuzz.Targets;
using FastChat.Protocol;

namespace FastChat.Fuzz.Tests;

/// <summary>The fuzzer can fail: defects that are put in on purpose are found, each as what it is, and the command that is printed with one leads back to the same bytes.</summary>
public sealed class PlantedDefectTests
{
    private static readonly FuzzSettings Settings = new() { Seed = 3, Inputs = 50_000 };

    [Test]
    public void A_reader_that_loses_a_byte_of_a_length_at_a_split_is_caught()
    {
        Violation violation = Find(() => new FrameReaderTarget(ReadWrongWhenSplit));
        Assert.That(violation.Kind, Is.EqualTo("failure"));
        Assert.That(new FrameReaderTarget().Run(violation.Input), Is.Not.Zero, "the same bytes are no trouble for the real one");
    }

    [Test]
    public void A_reader_that_takes_more_than_it_gives_out_is_caught() =>
        Assert.That(Find(() => new FrameReaderTarget(ReadAndSwallow)).Kind, Is.EqualTo("failure"));

    [Test]
    public void An_index_out_of_range_for_one_value_of_one_byte_is_caught()
    {
        Violation violation = Find(() => new PlantedTarget(input => _ = input.Length > 9 && input[9] == 0xB7 ? input[input.Length] : 0));
        Assert.That((violation.Kind, violation.Input[9]), Is.EqualTo(("exception", 0xB7)));
        Assert.That(violation.Message, Does.Contain(nameof(IndexOutOfRangeException)));
    }

    [Test]
    public void What_allocates_too_much_is_caught()
    {
        Violation violation = Find(() => new PlantedTarget(input => _ = input.Length > 3 && input[3] == 0xFF ? new byte[100_000] : null));
        Assert.That(violation.Kind, Is.EqualTo("allocation"));
    }

    [Test]
    public void What_is_allocated_only_once_is_nobodys_fault()
    {
        byte[]? table = null;
        Assert.That(Run(() => new PlantedTarget(_ => table ??= new byte[100_000]), Settings).Violations, Is.Empty);
    }

    [Test]
    public void What_hangs_is_caught_and_given_up()
    {
        using ManualResetEventSlim isOver = new();
        PlantedTarget target = new(input =>
        {
            if (input.Length > 3 && input[3] == 0x7F)
            {
                isOver.Wait();
            }
        });
        TargetResult result = Run(() => target, Settings with { HangAfter = TimeSpan.FromMilliseconds(300) });
        isOver.Set();
        Assert.That(result.Violations, Has.Count.EqualTo(1));
        Assert.That((result.Violations[0].Kind, result.Violations[0].Input[3]), Is.EqualTo(("hang", 0x7F)));
    }

    [Test]
    public void Guidance_goes_where_chance_does_not()
    {
        // Six bytes in a row have to be right: one input in 2⁴⁸ by chance.
        static void Trap(byte[] input) => Property.Holds(!input.AsSpan().StartsWith((byte[])[1, 2, 3, 4, 5, 6]), "trap");
        FuzzSettings settings = Settings with { Inputs = 500_000 };
        Assert.That(Run(() => new PlantedTarget(Trap) { BlockSize = 500_000 }, settings).Violations, Has.Count.EqualTo(1));
        Assert.That(Run(() => new PlantedTarget(Trap) { BlockSize = 500_000, HasMarks = false }, settings).Violations, Is.Empty);
    }

    [Test]
    public void A_number_leads_back_to_the_bytes_however_many_threads_ran([Values(1, 3)] int threads)
    {
        static PlantedTarget Make() => new(input => Property.Holds(input.Length < 5 || input[4] != 0xC1 || input[2] != 3, "trap"));
        Violation first = Run(Make, Settings with { Inputs = 400_000 }).Violations.Single();
        Violation again = Run(Make, Settings with { Inputs = 400_000, Threads = threads }).Violations.Single();
        Assert.That(Repeat.Find(Make(), Settings.Seed, again.Number), Is.EqualTo(again.Input));
        Assert.That(Repeat.Find(Make(), Settings.Seed, first.Number), Is.EqualTo(first.Input));
        Assert.That(Repeat.Find(Make(), Settings.Seed + 1, first.Number), Is.Not.EqualTo(first.Input), "another seed is another campaign");
        Assert.That(first.Command, Is.EqualTo($"dotnet run --project tests/Fuzz -c Release -- --target planted --seed 3 --input {first.Number}"));
    }

    [Test]
    public void Different_defects_are_told_apart_and_equal_ones_are_one()
    {
        static PlantedTarget Make() => new(input =>
        {
            Property.Holds(input.Length == 0 || input[0] != 1, "one");
            Property.Holds(input.Length == 0 || input[0] != 2, "two");
        });
        TargetResult result = Run(Make, Settings);
        Assert.That(result.Violations.Select(violation => violation.Message), Is.EquivalentTo(new[] { "one", "two" }));
        Assert.That(result.FailedInputs, Is.GreaterThan(2));
        Assert.That(result.Inputs, Is.EqualTo(Settings.Inputs), "a defect does not hide what lies behind it");
    }

    private static Violation Find(Func<IFuzzTarget> make)
    {
        TargetResult result = Run(make, Settings);
        Assert.That(result.Violations, Is.Not.Empty);
        return result.Violations[0];
    }

    private static TargetResult Run(Func<IFuzzTarget> make, FuzzSettings settings) => new TargetCampaign(make, settings).Run();

    /// <summary>When the first piece ends inside the length of the frame, the part of it in the second piece counts as zero.</summary>
    private static FrameReadStatus ReadWrongWhenSplit(ref ReadOnlySequence<byte> buffer, int bodySizeMax, out Frame frame, out CloseCode violation)
    {
        int whole = buffer.FirstSpan.Length;
        FrameReadStatus status = FrameReader.TryRead(ref buffer, bodySizeMax, out frame, out violation);
        if (status == FrameReadStatus.Done && whole == 1)
        {
            frame = frame with { Body = frame.Body.Slice(0, frame.Body.Length & 0xFF) };
        }

        return status;
    }

    /// <summary>Moves the buffer one byte too far when there is one.</summary>
    private static FrameReadStatus ReadAndSwallow(ref ReadOnlySequence<byte> buffer, int bodySizeMax, out Frame frame, out CloseCode violation)
    {
        FrameReadStatus status = FrameReader.TryRead(ref buffer, bodySizeMax, out frame, out violation);
        if (status == FrameReadStatus.Done && buffer.Length == 1)
        {
            buffer = buffer.Slice(1);
        }

        return status;
    }
}
