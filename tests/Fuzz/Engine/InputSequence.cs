namespace FastChat.Fuzz;

/// <summary>
/// The inputs of one target and one seed, by number. They come in blocks. A block begins with the corpus as it is; then each input is a parent with a few changes, and parents are the corpus and those inputs of
/// this block that reached an outcome nobody in the block had reached (<see cref="Learn"/>). At the next block all of that is forgotten.
/// <para>
/// Hence an input is a function of seed, number and corpus: not of how many threads ran, nor of where a campaign began. To repeat one, its block is run up to it. A corpus that grew through the
/// whole campaign would go deeper, but then a failure in the ninetieth million could only be repeated by the ninety before it; what one block finds is deep enough, and what is worth keeping goes into a file.
/// </para>
/// </summary>
internal sealed class InputSequence
{
    private const int FindsMax = 1024;
    private const int RecentFinds = 16;

    private readonly IFuzzTarget _target;
    private readonly byte[][] _corpus;
    private readonly ulong _seed;
    private readonly Mutator _mutator;
    private readonly List<byte[]> _finds = [];
    private readonly HashSet<ulong> _reached = [];
    private long _index;

    public InputSequence(IFuzzTarget target, byte[][] corpus, ulong seed)
    {
        _target = target;
        _corpus = corpus;
        _seed = seed ^ FuzzRandom.HashOf(target.Name);
        _mutator = new Mutator(target.SizeMax, target.Words);
    }

    /// <summary>Number of the input that <see cref="Next"/> gave last.</summary>
    public long Number { get; private set; }

    /// <summary>The input that <see cref="Next"/> gave last.</summary>
    public ReadOnlySpan<byte> Input => _mutator.Input;

    /// <summary>Goes to the beginning of a block.</summary>
    public void Begin(long block)
    {
        _target.BeginBlock();
        _finds.Clear();
        _reached.Clear();
        _index = 0;
        Number = (block * _target.BlockSize) - 1;
    }

    /// <summary>The next input of the block. It lives until the next call.</summary>
    public ReadOnlySpan<byte> Next()
    {
        Number++;
        long index = _index++;
        if (index < _corpus.Length)
        {
            _mutator.Load(_corpus[index]);
            return _mutator.Input;
        }

        FuzzRandom random = new(_seed, (ulong)Number);
        _mutator.Load(Parent(ref random));
        _mutator.Change(Parent(ref random), ref random);
        if (!random.OneIn(3))
        {
            _mutator.Shape(_target, ref random);
        }

        return _mutator.Input;
    }

    /// <summary>Takes note of what the last input reached; true when nobody in the block had.</summary>
    public bool Learn(ulong outcome)
    {
        bool isNew = _reached.Add(outcome);
        if (isNew && _target.IsGuided && _index > _corpus.Length && _finds.Count < FindsMax)
        {
            _finds.Add(_mutator.Input.ToArray());
        }

        return isNew;
    }

    private ReadOnlySpan<byte> Parent(ref FuzzRandom random)
    {
        int kind = random.Below(4);
        if (kind == 0 || _finds.Count == 0)
        {
            return _corpus.Length == 0 ? default : _corpus[random.Below(_corpus.Length)];
        }

        // Who came last stands at the edge of what was reached.
        int count = kind == 1 ? Math.Min(RecentFinds, _finds.Count) : _finds.Count;
        return _finds[_finds.Count - 1 - random.Below(count)];
    }
}
