namespace FastChat.Broker.Sessions;

/// <summary>
/// What a thread that has nothing else to do may do itself instead of waking the one whose work it is. On a quiet machine that is most of a message's way: waking a sleeping thread costs more
/// than the work. The thread that offers itself decides when it has nothing else to do (<see cref="Offer"/>); everyone else wakes whom they have to wake.
/// </summary>
internal static class Errands
{
    [ThreadStatic]
    private static bool t_isOffered;

    [ThreadStatic]
    private static IErrand? t_errand;

    /// <summary>Takes the errand for the calling thread, which runs it soon. False: it does not offer itself, or has another; wake somebody.</summary>
    public static bool TryLeave(IErrand errand)
    {
        if (!t_isOffered || (t_errand is not null && !ReferenceEquals(t_errand, errand)))
        {
            return false;
        }

        t_errand = errand;
        return true;
    }

    /// <summary>The calling thread takes an errand from here on, until <see cref="Run"/>.</summary>
    public static void Offer() => t_isOffered = true;

    /// <summary>Runs the errand that was left, if one was, and takes no other.</summary>
    public static void Run()
    {
        t_isOffered = false;
        if (t_errand is { } errand)
        {
            t_errand = null;
            errand.Run();
        }
    }
}

/// <summary>Work that whichever thread is free may do. It sees to it itself that only one does, and wakes its own thread if it did not finish.</summary>
internal interface IErrand
{
    void Run();
}
