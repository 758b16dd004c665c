namespace FastChat.Client.Tests;

/// <summary>Every wait of a test has an end.</summary>
internal static class Patience
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static Task Within(this Task task) => task.WaitAsync(Limit);

    public static Task<T> Within<T>(this Task<T> task) => task.WaitAsync(Limit);

    public static Task<T> Within<T>(this ValueTask<T> task) => task.AsTask().WaitAsync(Limit);

    public static Task Within(this ValueTask task) => task.AsTask().WaitAsync(Limit);

    /// <summary>Waits for a task that must fail like this, and returns its exception.</summary>
    public static async Task<TException> Fails<TException>(this Task task)
        where TException : Exception
    {
        try
        {
            await task.Within();
        }
        catch (TException expected)
        {
            return expected;
        }

        throw new AssertionException($"{typeof(TException).Name} was expected, and nothing was thrown");
    }

    /// <summary>Waits for something that another thread is about to make true.</summary>
    public static async Task Until(Func<bool> condition, string what)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            Assert.That(TimeProvider.System.GetElapsedTime(start), Is.LessThan(Limit), what);
            await Task.Delay(1);
        }
    }
}
