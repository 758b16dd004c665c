namespace FastChat.Bench.Compare.Systems.Ejabberd;

/// <summary>Finds where things are in an XMPP stream, without making a tree: enough for stanzas whose shape is known. It reads what a server writes, which is well-formed; it does not check that.</summary>
internal static class XmppScanner
{
    /// <summary>
    /// Size of the first whole unit: an element with all that is in it, the start or the end of the stream, a declaration, or white space between them. 0 when it is not whole yet.
    /// </summary>
    public static int UnitSize(ReadOnlySpan<byte> input)
    {
        if (input.Length > 0 && input[0] != '<')
        {
            int text = input.IndexOf((byte)'<');
            return text < 0 ? input.Length : text;
        }

        int depth = 0;
        for (int at = 0; at < input.Length;)
        {
            int size = TagSize(input[at..]);
            if (size == 0)
            {
                return 0;
            }

            ReadOnlySpan<byte> tag = input.Slice(at, size);
            at += size;
            if (tag[1] == '?' || (depth == 0 && (IsStream(tag) || tag[1] == '/')))
            {
                return at;
            }

            depth += tag[1] == '/' ? -1 : tag[^2] == '/' ? 0 : 1;
            if (depth == 0)
            {
                return at;
            }

            int next = input[at..].IndexOf((byte)'<');
            if (next < 0)
            {
                return 0;
            }

            at += next;
        }

        return 0;
    }

    /// <summary>The name of an element, its prefix included.</summary>
    public static ReadOnlySpan<byte> Name(ReadOnlySpan<byte> element)
    {
        int end = element[1..].IndexOfAny(" />"u8);
        return element.Slice(1, end < 0 ? 0 : end);
    }

    /// <summary>Value of an attribute of the element's own tag; empty when it has none.</summary>
    /// <param name="element">An element.</param>
    /// <param name="marker">A blank, the attribute's name, and <c>='</c>: the server writes apostrophes.</param>
    public static ReadOnlySpan<byte> Attribute(ReadOnlySpan<byte> element, ReadOnlySpan<byte> marker)
    {
        ReadOnlySpan<byte> tag = element[..TagSize(element)];
        int start = tag.IndexOf(marker);
        if (start < 0)
        {
            return [];
        }

        ReadOnlySpan<byte> value = tag[(start + marker.Length)..];
        return value[..value.IndexOf((byte)'\'')];
    }

    /// <summary>What is between two marks; false when they are not there.</summary>
    public static bool TryBetween(ReadOnlySpan<byte> element, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after, out ReadOnlySpan<byte> between)
    {
        between = [];
        int start = element.IndexOf(before);
        if (start < 0)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = element[(start + before.Length)..];
        int end = rest.IndexOf(after);
        between = end < 0 ? [] : rest[..end];
        return end >= 0;
    }

    private static bool IsStream(ReadOnlySpan<byte> tag) => tag.StartsWith("<stream:stream"u8);

    // A '>' within an attribute's value does not end the tag.
    private static int TagSize(ReadOnlySpan<byte> input)
    {
        for (int at = 0; at < input.Length;)
        {
            int found = input[at..].IndexOfAny("'\">"u8);
            if (found < 0)
            {
                return 0;
            }

            at += found;
            if (input[at] == '>')
            {
                return at + 1;
            }

            int close = input[(at + 1)..].IndexOf(input[at]);
            if (close < 0)
            {
                return 0;
            }

            at += close + 2;
        }

        return 0;
    }
}
